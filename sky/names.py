"""From a name to a place: "M31", "Andromeda Galaxy", "NGC 7000", "Vega", "alpha Lyr", "Jupiter"."""

import csv
import re
import sqlite3
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from sky.catalogue import DATA, proper_motions
from sky.coordinates import Observer
from sky.deepsky import database
from sky.ephemeris import BODIES, body
from sky.errors import UnknownObjectError
from skycam_project.common.units import Degrees, Magnitudes

_LETTERS = """α:alpha β:beta γ:gamma δ:delta ε:epsilon ζ:zeta η:eta θ:theta ι:iota κ:kappa λ:lambda μ:mu
ν:nu ξ:xi ο:omicron π:pi ρ:rho σ:sigma τ:tau υ:upsilon φ:phi χ:chi ψ:psi ω:omega"""
_GENITIVES = """And:andromedae Ant:antliae Aps:apodis Aqr:aquarii Aql:aquilae Ara:arae Ari:arietis
Aur:aurigae Boo:bootis Cae:caeli Cam:camelopardalis Cnc:cancri CVn:canumvenaticorum CMa:canismajoris
CMi:canisminoris Cap:capricorni Car:carinae Cas:cassiopeiae Cen:centauri Cep:cephei Cet:ceti
Cha:chamaeleontis Cir:circini Col:columbae Com:comaeberenices CrA:coronaeaustralis CrB:coronaeborealis
Crv:corvi Crt:crateris Cru:crucis Cyg:cygni Del:delphini Dor:doradus Dra:draconis Equ:equulei Eri:eridani
For:fornacis Gem:geminorum Gru:gruis Her:herculis Hor:horologii Hya:hydrae Hyi:hydri Ind:indi Lac:lacertae
Leo:leonis LMi:leonisminoris Lep:leporis Lib:librae Lup:lupi Lyn:lyncis Lyr:lyrae Men:mensae Mic:microscopii
Mon:monocerotis Mus:muscae Nor:normae Oct:octantis Oph:ophiuchi Ori:orionis Pav:pavonis Peg:pegasi
Per:persei Phe:phoenicis Pic:pictoris Psc:piscium PsA:piscisaustrini Pup:puppis Pyx:pyxidis Ret:reticuli
Sge:sagittae Sgr:sagittarii Sco:scorpii Scl:sculptoris Sct:scuti Ser:serpentis Sex:sextantis Tau:tauri
Tel:telescopii Tri:trianguli TrA:trianguliaustralis Tuc:tucanae UMa:ursaemajoris UMi:ursaeminoris
Vel:velorum Vir:virginis Vol:volantis Vul:vulpeculae"""
_GREEK: dict[str, str] = {pair[0]: pair[2:] for pair in _LETTERS.split()}
_GENITIVE: dict[str, str] = {pair[:3]: pair[4:] for pair in _GENITIVES.split()}


@dataclass(frozen=True, slots=True)
class Target:
    """Something that has a name and a place."""

    name: str  # as the catalogue writes it
    kind: str  # "star", "planet", "sun", "moon", or OpenNGC's type (G, OCl, PN …)
    ra_deg: Degrees  # ICRS
    dec_deg: Degrees
    magnitude: Magnitudes | None
    size_arcmin: float | None


def _plain(text: str) -> str:
    """Lower case letters and digits only, accents dropped, Greek letters spelled out."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(_GREEK.get(c, c) for c in text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9+-]", "", text)


@lru_cache(maxsize=1)
def _star_names() -> dict[str, tuple[int, Target]]:
    found: dict[str, tuple[int, Target]] = {}
    with (DATA / "star_names.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            con = line["constellation"]
            keys = [f"hip{line['hip']}", line["name"]]
            label = line["name"]
            for mark in (line["bayer"], line["flamsteed"]):
                if mark:
                    label = label or f"{mark} {con}"
                    ends = (con, _GENITIVE.get(con, ""))
                    # "alpha Centauri" is what people type for the star listed as α1.
                    keys += [
                        m + end
                        for end in ends
                        for m in {mark, mark.rstrip("1")}
                        if not m.isascii() or m == mark
                    ]
            star = Target(
                label, "star", float(line["ra_deg"]), float(line["dec_deg"]), float(line["v"]), None
            )
            for key in keys:
                if key:
                    found.setdefault(
                        _plain(key), (int(line["hip"]), star)
                    )  # the file has the brightest star first
    return found


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    connection = database()
    try:
        rows = connection.execute("SELECT commonnames, name FROM objects WHERE commonnames != ''").fetchall()
    finally:
        connection.close()
    return {_plain(title): name for titles, name in rows for title in titles.split(",")}


_Spelling = Callable[[re.Match[str]], str]
_PATTERNS: tuple[tuple[str, _Spelling], ...] = (
    (r"(?:m|messier)(\d{1,3})", lambda m: f"M{int(m[1]):03d}"),
    (r"(ngc|ic)(\d{1,4})([a-z]*|ned\d\d?)", lambda m: f"{m[1].upper()}{int(m[2]):04d}{m[3].upper()}"),
    (r"(?:c|caldwell)(\d{1,3})", lambda m: f"C{int(m[1]):03d}"),
    (r"(?:b|barnard)(\d{1,3})", lambda m: f"B{int(m[1]):03d}"),
    (r"(?:mel|melotte)(\d{1,3})", lambda m: f"MEL{int(m[1]):03d}"),
    (r"(?:cl|cr|collinder)(\d{1,3})", lambda m: f"CL{int(m[1]):03d}"),
    (r"lbn(\d{1,4})", lambda m: f"LBN{int(m[1]):03d}"),
    (r"ugc(\d{1,5})", lambda m: f"UGC{int(m[1]):05d}"),
    (r"pgc(\d{1,6})", lambda m: f"PGC{int(m[1]):06d}"),
)
"""How OpenNGC writes the identifiers of each catalogue."""


def _identifier(plain: str) -> str | None:
    for pattern, spelling in _PATTERNS:
        match = re.fullmatch(pattern, plain)
        if match:
            return spelling(match)
    return _titles().get(plain)


_COLUMNS = "name, type, ra, dec, vmag, bmag, majax, messier, ngc, ic"


def _row(connection: sqlite3.Connection, identifier: str) -> tuple[Any, ...] | None:
    if re.fullmatch(r"M\d{3}", identifier):
        query = f"SELECT {_COLUMNS} FROM objects WHERE messier = ? AND type != 'Dup' OR name = ?"  # noqa: S608
        return connection.execute(query, (identifier[1:], identifier)).fetchone()
    query = f"SELECT {_COLUMNS} FROM objects WHERE name = ? COLLATE NOCASE"  # noqa: S608
    found = connection.execute(query, (identifier,)).fetchone()
    if found is None:
        named = "SELECT name FROM objIdentifiers WHERE identifier = ?"
        query = f"SELECT {_COLUMNS} FROM objects WHERE name IN ({named})"  # noqa: S608
        found = connection.execute(query, (identifier,)).fetchone()
    return found


def _deep_sky(plain: str) -> Target | None:
    identifier = _identifier(plain)
    if identifier is None:
        return None
    connection = database()
    try:
        row = _row(connection, identifier)
        if row and row[1] == "Dup":  # a duplicate entry names the object it duplicates
            messier, ngc, ic = row[7:]
            row = _row(connection, f"M{messier}" if messier else f"NGC{ngc}" if ngc else f"IC{ic}")
    finally:
        connection.close()
    if row is None or row[2] is None:
        return None
    name, kind, ra, dec, v, b, major, messier, _, _ = row
    title = f"M{int(messier)}" if messier else name
    return Target(
        title, kind, float(np.degrees(ra)), float(np.degrees(dec)), v if v is not None else b, major
    )


def _star(plain: str, observer: Observer | None) -> Target | None:
    hip, star = _star_names().get(plain, (0, None))
    if star is None or observer is None or hip not in proper_motions():
        return star
    years = (observer.tt[0] - 2451545.0) / 365.25
    east, north = proper_motions()[hip]
    ra = star.ra_deg + east * years / 3.6e6 / float(np.cos(np.radians(star.dec_deg)))
    return replace(star, ra_deg=ra % 360, dec_deg=star.dec_deg + north * years / 3.6e6)


def resolve(name: str, observer: Observer | None = None) -> Target:
    """The place of a star, a deep-sky object or a body of the solar system.

    Args:
        name: in any case and spacing.
        observer: needed for sun, moon and planets, whose place depends on time and site; with it, the
            fastest stars are given where they are now, else where they were in 2000.

    Raises:
        UnknownObjectError: no catalogue has it, or it moves and no observer was given.
    """
    plain = _plain(name)
    for known in BODIES:
        if plain == known:
            if observer is None:
                raise UnknownObjectError(f"{name!r} moves: its place is known for a time and a site only")
            b = body(known, observer)
            kind = known if known in ("sun", "moon") else "planet"
            return Target(known.title(), kind, b.ra_deg, b.dec_deg, b.magnitude, b.diameter_arcsec / 60)
    found = _deep_sky(plain) or _star(plain, observer)
    if found is None:
        raise UnknownObjectError(
            f"no object {name!r} in the catalogues; try M, NGC, IC or C numbers, a star's name such as"
            " Vega, α Lyr or 61 Cyg, or a planet"
        )
    return found
