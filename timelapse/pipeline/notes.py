"""What people should know of a timelapse before it is made: wishes that its frames cannot fulfil."""

from timelapse.pipeline.frames import FrameSource
from timelapse.pipeline.recipe import Recipe


def notes(source: FrameSource, recipe: Recipe) -> list[str]:
    """A sentence each; none is an error."""
    found = list(source.notes)
    untimed = sum(frame.time is None for frame in source.frames)
    if not untimed:
        return found
    whose = f"{untimed} of {len(source)} frames do not say" if untimed < len(source) else "No frame says"
    if recipe.overlay is not None and recipe.overlay.timed:
        found.append(f"{whose} when it was taken: the text with its time is left out there.")
    if recipe.speed.even:
        found.append(f"{whose} when it was taken: frames count as evenly spaced.")
    return found
