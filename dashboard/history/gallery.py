"""`/gallery/`: the newest frames of all cameras, by night, with what was made of them."""

from typing import Any

from dashboard.history import made
from dashboard.history.pages import Filter, FilteredPage, link, live_rows, month_of, nights_of
from dashboard.history.tomorrow import tomorrow
from sessions.models import Capture, Session
from skycam_project.common.errors import InvalidValueError

PAGE = 24
"""Sessions of one page; their pictures are loaded when they come near the screen."""
VIEWS = {"nights": "calendar-days", "frames": "image", "best": "star"}
_LINKED = ("timelapse", "mini", "startrails", "keogram", "stack", "meteors")
"""Products that stand in the head of a night."""


class GalleryView(FilteredPage):
    """`/gallery/`: by night (keogram, or a row of frames per session), all frames, or the best ones."""

    template_name = "history/gallery.html"
    here = "gallery"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = self.request.GET.copy()
        query.setdefault("type", "all")
        chosen = Filter.of(query)
        shown = query.get("view", "nights")
        if shown not in VIEWS:
            raise InvalidValueError("view", shown, ", ".join(VIEWS))
        words = {name: value for name, value in chosen.words.items() if name in ("instrument", "view")}
        passing = chosen.apply(Session.objects.present()).filter(frames__gt=0)
        found = list(chosen.within(passing).order_by("-start_time").prefetch_related("captures")[: PAGE + 1])
        for row, products in zip(
            found, made.of_sessions(row.session_id for row in found).values(), strict=True
        ):
            row.made = [one for one in products if one.kind in _LINKED]
            row.strip = next((one.strip for one in products if one.strip), "") if shown == "nights" else ""
        night = str(chosen.night or "")
        older = found[PAGE - 1].start_time.isoformat() if len(found) > PAGE else ""
        running = [] if chosen.before or chosen.night else live_rows()
        return super().get_context_data(
            chosen=chosen,
            shown=shown,
            views=[(name, icon, link(words, view=name, night=night)) for name, icon in VIEWS.items()],
            instruments=_instruments(),
            all_instruments=link(words, instrument=""),
            instrument_links=[(name, link(words, instrument=name)) for name in _instruments()],
            nights=nights_of(found[:PAGE]),
            running=[row for row in running if chosen.instrument in ("", row["head"]["instrument"])],
            older=link(words, night=night, before=older) if older else "",
            calendar=month_of(chosen, passing),
            tomorrow=tomorrow(),
            words=f"{link(words)}&" if words else "?",
            **kwargs,
        )


def _instruments() -> list[str]:
    """Instruments that ever took a frame."""
    taken = Capture.objects.order_by("session__instrument").values_list("session__instrument", flat=True)
    return list(taken.distinct())
