"""Profiles: what a kind of sky wants, as fields of a recipe. Anything given beside a profile stands above it."""

from typing import Any

from skycam_project.common.errors import InvalidValueError

PROFILES: dict[str, dict[str, Any]] = {
    "day": {"title": "Day: as it was"},
    "golden": {
        "title": "Golden hour: warm as it was, colours a little stronger, lights held",
        "look": {"saturation": 1.05, "lights": 0.3},
        "key_frames": [{"at": 0.0, "temperature_k": 300.0}],
        "deflicker": 60.0,
    },
    "blue": {
        "title": "Blue hour: cool, quiet, brighter by a third",
        "look": {"saturation": 1.05, "shadows_ev": 0.3},
        "key_frames": [{"at": 0.0, "temperature_k": -400.0, "exposure_ev": 0.3}],
        "denoise": 1.0,
        "deflicker": 60.0,
    },
    "overcast": {
        "title": "Overcast: shadows lifted, contrast by neighbourhood, haze taken off",
        "look": {"shadows_ev": 0.3, "local_contrast": 1.5, "dehaze": 0.5},
        "key_frames": [{"at": 0.0, "temperature_k": 200.0}],
    },
    "storm": {
        "title": "Storm: lights guarded, lightning kept, shaking taken out",
        "look": {"lights": 0.6, "contrast": 0.15},
        "keep_events": True,
        "stabilise": "tripod",
    },
    "fog": {
        "title": "Fog: soft as it is, haze partly taken off",
        "look": {"dehaze": 0.3},
        "denoise": 1.0,
    },
    "night": {
        "title": "Night: stars keep their places and their faintness, lamps do not burn out",
        "look": {"lights": 0.4, "contrast": 0.1},
        "denoise": 0.5,  # a star that moves is no noise
        "deflicker": 80.0,
    },
}


def with_profile(data: dict[str, Any]) -> dict[str, Any]:
    """Fields of a recipe with those of its profile below them.

    Args:
        data: fields, `profile` among them or not. A `look` is merged by its own fields.

    Raises:
        InvalidValueError: there is no such profile.
    """
    name = data.get("profile")
    if name is None:
        return data
    if name not in PROFILES:
        raise InvalidValueError("profile", name, ", ".join(PROFILES))
    fields = {key: value for key, value in PROFILES[name].items() if key != "title"}
    merged = {**fields, **data}
    if isinstance(data.get("look"), dict) and "look" in fields:
        merged["look"] = {**fields["look"], **data["look"]}
    return merged
