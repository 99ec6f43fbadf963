"""The control port: faults, weather and the truth. Loopback only, JSON over HTTP.

A web page in a browser on the same machine must not reach it: requests with an `Origin`, with a foreign
`Host`, or with a body that is not declared as JSON are refused.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from sky.angles import separation_deg, unit_vector
from skycam_project.common.clock import iso_utc
from telescope.dwarf.values import Camera
from telescope.simulator.device import Dwarf
from telescope.simulator.errors import SimulatorError
from telescope.simulator.http import Reply, Request, json_reply

_HOSTS = {"127.0.0.1", "localhost", "[::1]"}


class Control:
    """Answers the control port."""

    def __init__(self, device: Dwarf) -> None:
        self._device = device
        self._posts: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "/faults": self._faults,
            "/actions": self._actions,
            "/mount": self._mount,
            "/environment": self._environment,
        }

    async def __call__(self, request: Request) -> Reply:
        if refusal := _refusal(request):
            return json_reply({"error": refusal}, 403)
        if request.method == "GET" and request.path == "/state":
            return json_reply(self.state())
        post = self._posts.get(request.path)
        if post is None or request.method != "POST":
            return json_reply({"error": f"GET /state; POST {', '.join(self._posts)}"}, 404)
        try:
            body = request.json()
            if not isinstance(body, dict):
                raise SimulatorError("the body is a JSON object")
            await post(body)
        except (SimulatorError, ValueError, TypeError) as error:
            return json_reply({"error": str(error)}, 400)
        return json_reply(self.state())

    def state(self) -> dict[str, Any]:
        """The truth, which no client of the device is told."""
        device, motion = self._device, self._device.motion
        moment = device.clock.now()
        now = moment.timestamp()
        tele, wide = device.pointing(Camera.TELE, moment), device.pointing(Camera.WIDE, moment)
        target = None
        if motion.target is not None:
            ra, dec = motion.target.aim(now)
            off = float(separation_deg(unit_vector(ra, dec), unit_vector(tele.ra, tele.dec))) * 3600
            target = {"name": motion.target.name, "ra_deg": ra, "dec_deg": dec, "off_arcsec": off}
        return {
            "time": iso_utc(moment),
            "tele": {"ra_deg": tele.ra, "dec_deg": tele.dec, "roll_deg": tele.roll},
            "wide": {"ra_deg": wide.ra, "dec_deg": wide.dec, "roll_deg": wide.roll},
            "altitude_deg": device.horizon.altitude((tele.ra, tele.dec), now),
            "open": motion.mount.is_open(now),
            "calibrated": motion.mount.calibrated,
            "target": target,
            "closest_sun_deg": motion.closest_sun,
            "polar_error_deg": dict(zip(("azimuth", "altitude"), motion.mount.polar_error(), strict=True)),
            "focus": {"position": device.focuser.position, "best": device.focuser.best()},
            "air_c": device.environment.air(),
            "sensor_c": device.environment.sensor(),
            "battery_percent": device.battery(),
            "card_free_bytes": device.card.free(),
            "clients": [client.id for client in device.clients],
            "host": device.clients.host.id if device.clients.host else None,
            "told_location": device.told_location,
            "powered": device.powered,
            "faults": asdict(device.faults),
        }

    async def _faults(self, body: dict[str, Any]) -> None:
        """`{"no_pong": true, "failed_frames": 0.2}`."""
        for name, value in body.items():
            self._device.faults.set(name, value)
        self._device.clients.set_foreign_host(self._device.faults.slave)

    async def _actions(self, body: dict[str, Any]) -> None:
        """`{"do": "drop_sockets" | "take_lock" | "power_off" | "power_on" | "reboot"}`."""
        device = self._device
        action = body.get("do")
        if action == "drop_sockets":
            device.clients.drop_all()
        elif action == "take_lock":
            device.faults.slave = True
            device.clients.set_foreign_host(True)
        elif action == "power_off":
            await device.power_off()
        elif action == "power_on":
            device.power_on()
        elif action == "reboot":
            device.spawn(device.reboot())
        else:
            raise SimulatorError("do: drop_sockets, take_lock, power_off, power_on or reboot")

    async def _mount(self, body: dict[str, Any]) -> None:
        """`{"wedge": true, "tilt": 0.5, "lean": 90}`: somebody stands the device otherwise."""
        mount = self._device.motion.mount
        wedge = body.get("wedge", mount.wedge)
        if not isinstance(wedge, bool):
            raise SimulatorError("wedge: true or false")
        await self._device.motion.stop()
        mount.place(wedge, _number(body, "tilt"), _number(body, "lean"))

    async def _environment(self, body: dict[str, Any]) -> None:
        """`{"air_c": -5, "battery_percent": 40}`."""
        self._device.environment.set(_number(body, "air_c"), _number(body, "battery_percent"))


def _number(body: dict[str, Any], key: str) -> float | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -360 <= value <= 360:
        raise SimulatorError(f"{key}: a number")
    return float(value)


def _refusal(request: Request) -> str | None:
    host = request.headers.get("host", "")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name not in _HOSTS:
        return "foreign Host"
    if "origin" in request.headers:
        return "web pages may not use the control port"
    if request.method != "GET" and not request.headers.get("content-type", "").startswith("application/json"):
        return "Content-Type must be application/json"
    return None
