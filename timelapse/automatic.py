"""Products that nobody has to ask for: at dawn, or when a night's session ends, its film and pictures are queued."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings

from sessions import provenance
from skycam_project.common.errors import SkycamError
from timelapse import services, sources
from timelapse.models import Job, Product

log = logging.getLogger(__name__)

BACK = timedelta(days=3)
"""Older sessions are left alone: an archive that is copied in must not start a thousand renders."""
FEWEST = 60
"""Frames of a session that is worth a film."""
RECIPE = {"outputs": ["1080p"]}
"""Small and quick: a mini timelapse for the morning, the large one is a person's choice."""
DAWN_DEG = (-6.0, 12.0)
"""Altitudes of the rising Sun at which a running session's night is over."""


def queue_nights(now: datetime | None = None) -> list[Job]:
    """Queue what is missing of the newest nights. Returns the new jobs."""
    wanted = settings.CONFIG.timelapse_automatic
    if not wanted or settings.CONFIG.role == "capture":
        return []
    now = now or datetime.now(UTC)
    made = []
    for source in _nights(now):
        for kind in wanted:
            if not _there(source.name, kind) and (job := _queue(source.name, kind)):
                made.append(job)
    return made


def _nights(now: datetime) -> Iterator[sources.Source]:
    """Sessions of cameras whose night is over, with enough frames for a film."""
    dawn = is_dawn(now)
    for row in sources.listed():
        name = str(row["session"] or "")
        if not name.startswith("observation_") or not (row["finished"] or dawn):
            continue
        try:
            source = sources.find_session(name)
        except SkycamError as error:
            log.warning("%s", error)
            continue
        if now - source.began > BACK:
            return
        if source.instrument.startswith("telescope") or now - source.began < timedelta(minutes=10):
            continue
        if sources.frames_of(source) >= FEWEST:
            yield source


def is_dawn(now: datetime) -> bool:
    """Whether the Sun rises at the site just now; never without a site."""
    config = settings.CONFIG
    if config.latitude is None or config.longitude is None:
        return False
    from sky.coordinates import Observer, Site
    from sky.ephemeris import body

    site = Site(config.latitude, config.longitude, config.elevation)
    before, after = (
        body("sun", Observer(site, moment)).altitude_deg for moment in (now - timedelta(minutes=10), now)
    )
    return before < after and DAWN_DEG[0] <= after <= DAWN_DEG[1]


def _there(session: str, kind: str) -> bool:
    """Whether it was queued or made once, by whom and with what end ever: a cancelled one is not wanted."""
    product = "" if kind == "timelapse" else kind
    if Job.objects.filter(source=session, product=product, automatic=True).exists():
        return True
    if Product.objects.filter(session=session, kind=kind).exists():
        return True
    live = Product.objects.filter(session=session, kind="night").first() if product else None
    return live is not None and (kind == "keogram" or not _halved(live))


def _halved(live: Product) -> bool:
    """Whether a small machine made the night's products from smaller pictures: a keogram loses nothing by that."""
    try:
        record = provenance.read(settings.DATA / "products" / live.folder)
    except (OSError, SkycamError):
        return False  # not yet recorded
    return "pixels_across" in record.parameters.get("found", {})


def _queue(session: str, kind: str) -> Job | None:
    try:
        if kind == "timelapse":
            return services.create_timelapse(RECIPE, session=session, draft=False, automatic=True)[0]
        return services.create_product(kind, {}, session=session, automatic=True)[0]
    except SkycamError as error:
        log.warning("%s of %s is not made: %s", kind, session, error)
        return None
