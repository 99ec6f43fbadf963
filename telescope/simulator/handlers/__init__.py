"""What the device does on each command; importing this package fills `telescope.simulator.wire.HANDLERS`."""

from telescope.simulator.handlers import astro, camera, darks, focus, legacy, motor, param, system, task

__all__ = ["astro", "camera", "darks", "focus", "legacy", "motor", "param", "system", "task"]
