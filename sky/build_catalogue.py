"""Build the files of `sky/data` from two redistributable packages: `python -m sky.build_catalogue --help`.

Sources (licences and notes: `sky/data/README.md`):

* Debian `astrometry-data-tycho2-07-littleendian` 2-4: 1.87 million Tycho-2 stars, positions and VT
  magnitudes;
* npm `d3-celestial` 0.7.35: Hipparcos magnitudes, B-V and names, outlines of the Milky Way.
"""

import argparse
import csv
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from skycam_project.common.files import write_atomic

TYCHO_PACKAGE = "astrometry-data-tycho2-07-littleendian"
TYCHO_INDEX = "index-tycho2-07.littleendian.fits"
HIPPARCOS_PACKAGE = "d3-celestial@0.7.35"
DATA = Path(__file__).parent / "data"

UNKNOWN_COLOUR = -128
ARCSEC = np.pi / 180 / 3600
MATCH_RADIUS = 12 * ARCSEC
OLD_EPOCH_RADIUS = 100 * ARCSEC  # 1991.25 to 2000 at the 10.4″/yr of the fastest star
SAME_POSITION = 1 * ARCSEC  # beyond it the Tycho row stands at J1991.25 and Hipparcos' J2000 place is better


@dataclass(slots=True)
class Stars:
    """Parallel columns of the table while it is built."""

    xyz: NDArray[np.float64]  # (n, 3) ICRS unit vectors
    v: NDArray[np.float64]  # V, mag
    bv: NDArray[np.float64]  # B-V, mag; NaN = not measured
    hip: NDArray[np.uint32]  # 0 = none


def unit_vectors(ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """ICRS unit vectors, shape (n, 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


# --- reading
# -----------------------------------------------------------------------------------------------


def _fits_tables(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield (first column name, raw rows as bytes of shape (rows, row length)) of each binary table."""
    with path.open("rb") as file:
        while True:
            cards: dict[str, str] = {}
            while "END" not in cards:
                block = file.read(2880)
                if len(block) < 2880:
                    return
                for at in range(0, 2880, 80):
                    card = block[at : at + 80].decode("ascii")
                    cards[card[:8].strip()] = card[10:].split("/")[0].strip().strip("'").strip()
            axes = [int(cards[f"NAXIS{n + 1}"]) for n in range(int(cards["NAXIS"]))]
            size = int(np.prod(axes)) if axes else 0
            data = file.read(-(-size // 2880) * 2880)[:size]
            if "TTYPE1" in cards and len(axes) == 2:
                yield cards["TTYPE1"], np.frombuffer(data, np.uint8).reshape(axes[1], axes[0])


def read_tycho(index: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (n, 3) and VT (n,) of an astrometry.net index file built from Tycho-2."""
    tables = dict(_fits_tables(index))
    quantised = tables["kdtree_data_stars"].view("<u4").astype(np.float64)
    limits = tables["kdtree_range_stars"].view("<f8").ravel()  # min x y z, max x y z, scale
    xyz = quantised / limits[6] + limits[:3]
    return xyz, tables["MAG_VT"].view(">f4").astype(np.float64).ravel()


def read_hipparcos(folder: Path) -> Stars:
    """Hipparcos rows of d3-celestial; coordinates are J2000 rounded to 0.36″."""
    features = json.loads((folder / "stars.14.json").read_text())["features"]
    position = np.array([f["geometry"]["coordinates"] for f in features], np.float64)
    colour = [f["properties"]["bv"] for f in features]
    return Stars(
        xyz=unit_vectors(position[:, 0], position[:, 1]),
        v=np.array([f["properties"]["mag"] for f in features], np.float64),
        bv=np.array([float(c) if c else np.nan for c in colour]),
        hip=np.array([f["id"] for f in features], np.uint32),
    )


# --- merging
# -----------------------------------------------------------------------------------------------


def _neighbours(
    catalogue: NDArray[np.float64], stars: NDArray[np.float64], radius: float
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.float64]]]:
    """Yield (star, catalogue rows within `radius` radians, their distances)."""
    dec = np.arcsin(np.clip(catalogue[:, 2], -1, 1))
    order = np.argsort(dec, kind="stable")
    dec = dec[order]
    sorted_xyz = catalogue[order]
    at = np.arcsin(np.clip(stars[:, 2], -1, 1))
    low, high = np.searchsorted(dec, at - radius), np.searchsorted(dec, at + radius)
    for star in range(len(stars)):
        distance = np.linalg.norm(sorted_xyz[low[star] : high[star]] - stars[star], axis=1)
        near = np.flatnonzero(distance < radius)
        yield star, order[low[star] + near], distance[near]


def merge(tycho_xyz: NDArray[np.float64], vt: NDArray[np.float64], hipparcos: Stars) -> Stars:
    """Give Tycho rows the colour, V and number of their Hipparcos star, and add what Tycho-2 lacks.

    Tycho-2's supplement has no proper motions, so its fast stars stand where they were in 1991.25: such a
    row is taken out and the Hipparcos place (J2000) used instead.
    """
    out = Stars(tycho_xyz.copy(), vt.copy(), np.full(len(vt), np.nan), np.zeros(len(vt), np.uint32))
    missing = []
    for star, rows, distance in _neighbours(tycho_xyz, hipparcos.xyz, MATCH_RADIUS):
        ok = np.abs(vt[rows] - hipparcos.v[star]) < 1.2
        if not ok.any():
            missing.append(star)
            continue
        row = rows[ok][np.argmin(distance[ok])]
        out.v[row], out.bv[row] = hipparcos.v[star], hipparcos.bv[star]
        out.hip[row] = hipparcos.hip[star]
        if distance[ok].min() > SAME_POSITION:
            out.xyz[row] = hipparcos.xyz[star]
    bright = np.array([star for star in missing if hipparcos.v[star] < 8.5])
    doubled = np.zeros(len(vt), bool)
    for star, rows, _ in _neighbours(tycho_xyz, hipparcos.xyz[bright], OLD_EPOCH_RADIUS):
        free = rows[out.hip[rows] == 0]
        close = free[np.abs(vt[free] - hipparcos.v[bright[star]]) < 0.5]
        doubled[close[:1]] = True
    measured = out.hip > 0
    colour = np.where(np.isfinite(out.bv), out.bv, 0.6)
    out.v = np.where(
        measured, out.v, vt - 0.09 * colour / 0.85
    )  # ESA 1997, vol. 1, 1.3.20: V = VT - 0.09 (BT-VT)
    keep = ~doubled
    return Stars(
        np.vstack([out.xyz[keep], hipparcos.xyz[bright]]),
        np.concatenate([out.v[keep], hipparcos.v[bright]]),
        np.concatenate([out.bv[keep], hipparcos.bv[bright]]),
        np.concatenate([out.hip[keep], hipparcos.hip[bright]]),
    )


# --- writing
# -----------------------------------------------------------------------------------------------


def pack(stars: Stars, faintest: float, colours: NDArray[np.float64]) -> dict[str, NDArray]:
    """The columns of `stars.npz`: 1° zones of declination, right ascension rising within each.

    Args:
        stars: the whole table.
        faintest: V limit of the packed table.
        colours: measured B-V of faint stars; 256 quantiles of it are stored for the stars without a colour.
    """
    keep = stars.v < faintest
    dec = np.degrees(np.arcsin(np.clip(stars.xyz[keep, 2], -1, 1)))
    ra = np.degrees(np.arctan2(stars.xyz[keep, 1], stars.xyz[keep, 0])) % 360
    zone = np.clip(np.floor(dec + 90).astype(np.int64), 0, 179)
    ra24 = np.round(ra / 360 * 2**24).astype(np.int64) % 2**24
    dec16 = np.clip(np.floor((dec + 90 - zone) * 65536), 0, 65535).astype(np.uint16)
    order = np.lexsort((dec16, ra24, zone))
    zone, ra24 = zone[order], ra24[order]
    first = np.searchsorted(zone, np.arange(181)).astype(np.uint32)
    step = np.diff(ra24, prepend=0)
    step[first[:-1][first[:-1] < len(step)]] = ra24[first[:-1][first[:-1] < len(step)]]
    bv, hip = stars.bv[keep][order], stars.hip[keep][order]
    centi = np.clip(np.round(np.where(np.isfinite(bv), bv, 0) * 50), -100, 127)
    return {
        "zone": first,
        "ra_step_low": (step & 0xFFFF).astype(np.uint16),
        "ra_step_high": (step >> 16).astype(np.uint8),
        "dec": dec16[order],
        "v": np.round((stars.v[keep][order] + 2) * 100).astype(np.uint16),
        "bv": np.where(np.isfinite(bv), centi, UNKNOWN_COLOUR).astype(np.int8),
        "hip_row": np.flatnonzero(hip).astype(np.uint32),
        "hip": hip[hip > 0],
        "colour_law": np.quantile(colours, (np.arange(256) + 0.5) / 256).astype(np.float32),
    }


def names_csv(folder: Path, hipparcos: Stars) -> str:
    """Stars that have a proper name, a Bayer letter or a Flamsteed number, brightest first."""
    names = json.loads((folder / "starnames.json").read_text())
    row = {int(h): n for n, h in enumerate(hipparcos.hip)}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["hip", "ra_deg", "dec_deg", "v", "name", "bayer", "flamsteed", "constellation"])
    lines = []
    for key, star in names.items():
        n = row.get(int(key))
        if n is None or not (star.get("name") or star.get("bayer") or star.get("flam")):
            continue
        x, y, z = hipparcos.xyz[n]
        ra, dec = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arcsin(z))
        v = hipparcos.v[n]
        lines.append(
            (
                v,
                int(key),
                [
                    key,
                    f"{ra:.4f}",
                    f"{dec:.4f}",
                    f"{v:.2f}",
                    star.get("name", ""),
                    star.get("bayer", "").replace("undefined", ""),
                    star.get("flam", ""),
                    star.get("c", ""),
                ],
            )
        )
    writer.writerows(line for _, _, line in sorted(lines, key=lambda item: item[:2]))
    return out.getvalue()


def _even_odd(rings: list[list[list[float]]], size: tuple[int, int]) -> Image.Image:
    """Mask (mode "1", RA rising to the right from 0°, north up) of what an odd number of rings encloses."""
    mask = Image.new("1", size)
    for ring in rings:
        ra, dec = np.array(ring + ring[:1]).T
        ra = np.unwrap(ra, period=360)
        if abs(ra[-1] - ra[0]) > 180:  # the ring runs round the whole sky: close it over the south pole
            ra, dec = np.r_[ra, ra[-1], ra[0]], np.r_[dec, -90, -90]
        one = Image.new("1", size)
        draw = ImageDraw.Draw(one)
        for turn in (-360, 0, 360):
            at = np.stack([(ra + turn) * size[0] / 360, (90 - dec) * size[1] / 180], axis=1)
            draw.polygon([tuple(p) for p in at], fill=1)
        mask = ImageChops.logical_xor(mask, one)
    return mask


def milky_way(folder: Path) -> Image.Image:
    """Brightness of the Milky Way, 720 x 360 (0.5°), 8 bit, 255 = as bright as the natural zenith sky.

    Column 0 is RA 0°, row 0 is Dec +89.75°. The five outlines add 10, 25, 45, 70 and 100 % of that sky.
    """
    level = (0, 26, 64, 115, 179, 255)
    image = Image.new("L", (2880, 1440))
    for n, feature in enumerate(json.loads((folder / "mw.json").read_text())["features"], start=1):
        rings = [ring for polygon in feature["geometry"]["coordinates"] for ring in polygon]
        image.paste(level[n], mask=_even_odd(rings, image.size))
    small = image.resize((720, 360), Image.Resampling.BOX)
    wide = Image.new("L", (720 + 40, 360))
    for shift in (-700, 20, 740):
        wide.paste(small, (shift, 0))
    return wide.filter(ImageFilter.GaussianBlur(3)).crop((20, 0, 740, 360))


def build(index: Path, folder: Path, out: Path, faintest: float = 11.0) -> dict[str, int]:
    """Write `stars.npz`, `star_names.csv` and `milky_way.png` into `out`; returns counts.

    Args:
        index: the Tycho-2 index file.
        folder: `data` of d3-celestial.
        out: an existing folder.
        faintest: V limit of the star table.
    """
    hipparcos = read_hipparcos(folder)
    stars = merge(*read_tycho(index), hipparcos)
    columns = pack(stars, faintest, hipparcos.bv[np.isfinite(hipparcos.bv) & (hipparcos.v > 8)])
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **columns)
    write_atomic(out / "stars.npz", packed.getvalue())
    write_atomic(out / "star_names.csv", names_csv(folder, hipparcos).encode())
    picture = io.BytesIO()
    milky_way(folder).save(picture, "PNG", optimize=True)
    write_atomic(out / "milky_way.png", picture.getvalue())
    return {"stars": len(columns["v"]), "hipparcos": len(columns["hip"]), "bytes": len(packed.getvalue())}


def fetch(folder: Path) -> tuple[Path, Path]:
    """Get both packages with `apt-get download` and `npm pack`; returns `build`'s first two arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", TYCHO_PACKAGE], cwd=folder, check=True)
    subprocess.run(["npm", "pack", HIPPARCOS_PACKAGE], cwd=folder, check=True)
    deb = next(folder.glob(f"{TYCHO_PACKAGE}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(deb), str(folder / "deb")], check=True)
    with tarfile.open(next(folder.glob("d3-celestial-*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "deb/usr/share/astrometry" / TYCHO_INDEX, folder / "package/data"


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m sky.build_catalogue", description=__doc__)
    parser.add_argument("--index", type=Path, help=f"{TYCHO_INDEX} of Debian's {TYCHO_PACKAGE}")
    parser.add_argument("--celestial", type=Path, help="the folder `data` of npm's d3-celestial")
    parser.add_argument("--fetch", type=Path, metavar="FOLDER", help="get both packages into FOLDER first")
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("--faintest", type=float, default=11.0, metavar="V")
    options = parser.parse_args(argv)
    if options.fetch:
        options.index, options.celestial = fetch(options.fetch)
    if not (options.index and options.celestial):
        parser.error("give --index and --celestial, or --fetch FOLDER")
    for name, value in build(options.index, options.celestial, options.out, options.faintest).items():
        print(f"{name} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
