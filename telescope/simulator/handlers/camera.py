"""Cameras: modules 1 (tele) and 2 (wide), the part that both dialects share."""

from telescope.dwarf.codes import Code
from telescope.dwarf.commands import Tele, Wide
from telescope.dwarf.notifications import Notify
from telescope.dwarf.values import Camera, Parameter
from telescope.simulator.state import working_states
from telescope.simulator.wire import Answer, Call, RefusedError, on


def camera_of(call: Call) -> Camera:
    """The camera that a command of module 1 or 2 is addressed to."""
    return Camera.WIDE if call.cmd >= Wide.OPEN_CAMERA else Camera.TELE


@on(Tele.OPEN_CAMERA, Wide.OPEN_CAMERA)
def open_camera(call: Call) -> Answer:
    """Publishes the live stream again, which a stacking run or EQ solving takes away."""
    call.device.publish(camera_of(call), call.request.rtsp_encode_type)
    return Code.WS_OK


@on(Tele.CLOSE_CAMERA, Wide.CLOSE_CAMERA)
def close_camera(call: Call) -> Answer:
    camera = camera_of(call)
    if camera not in call.device.opened:
        return Code.CAMERA_TELE_CLOSED if camera == Camera.TELE else Code.CAMERA_WIDE_CLOSED
    call.device.opened.remove(camera)
    call.device.streams.pop(camera, None)
    return Code.WS_OK


@on(Tele.PHOTOGRAPH, Wide.PHOTOGRAPH)
def photograph(call: Call) -> Answer:
    call.device.photos[camera_of(call)].photo(raw=False)
    return Code.WS_OK


@on(Tele.PHOTO_RAW, Wide.PHOTO_RAW)
def photo_raw(call: Call) -> Answer:
    call.device.photos[camera_of(call)].photo(raw=True)
    return Code.WS_OK


@on(Tele.BURST, Wide.BURST)
def burst(call: Call) -> Answer:
    device, camera = call.device, camera_of(call)
    count = call.request.count or device.params.get(device.shooting_mode, camera, Parameter.BURST_COUNT).value
    device.photos[camera].burst(count)
    return Code.WS_OK


@on(Tele.STOP_BURST, Wide.STOP_BURST)
async def stop_burst(call: Call) -> Answer:
    await call.device.photos[camera_of(call)].stop()
    return Code.WS_OK


@on(Tele.SET_PREVIEW_QUALITY, Wide.SET_PREVIEW_QUALITY)
def preview_quality(call: Call) -> Answer:
    """Some clients mean "open" or "close" by this command: any content is taken."""
    if call.device.faults.strict_order and not call.device.entered:
        call.device.spawn(call.device.power_off())
        return None
    return Code.WS_OK


@on(Tele.SET_JPG_QUALITY)
def jpg_quality(call: Call) -> Answer:
    if not 1 <= call.request.quality <= 100:
        raise RefusedError(Code.WS_INVAID_PARAM)
    call.device.jpg_quality = call.request.quality
    return Code.WS_OK


@on(Tele.GET_SYSTEM_WORKING_STATE, control=False)
def working_state(call: Call) -> Answer:
    """Answered with a burst of notifications to the one who asks."""
    device = call.device
    device.greet(call.client)
    for number, values in working_states(device):
        device.tell(call.client, number, **values)
    device.tell(call.client, Notify.WS_HOST_SLAVE_MODE, message=device.clients.role(call.client))
    return Code.WS_OK
