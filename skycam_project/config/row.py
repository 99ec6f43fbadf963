"""One row of the table of settings."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from skycam_project.config import kinds


def setting(
    kind: kinds.Kind[Any], default: Any, effect: str, *, env: str | tuple[str, ...] = (), yaml: str = ""
) -> Any:
    """One row of the table.

    Args:
        kind: how the value is read.
        default: as it would be written in YAML.
        effect: one sentence for the documentation.
        env: names of environment variables, the first of them preferred.
        yaml: dotted key in skycam.yaml; empty when it cannot be set there.
    """
    names = (env,) if isinstance(env, str) else env
    row = {"kind": kind, "default": default, "env": names, "yaml": yaml, "effect": effect}
    factory: Callable[[], Any] = lambda: None if default is None else kind.read(default)  # noqa: E731
    return field(default_factory=factory, metadata=row)
