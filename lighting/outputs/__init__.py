"""Drivers that carry frames to lamps. Each paces itself, never raises into the engine and never makes it wait."""

from lighting.outputs.artnet import PORT as ARTNET_PORT
from lighting.outputs.artnet import ArtNet
from lighting.outputs.base import Output
from lighting.outputs.enttec import Enttec
from lighting.outputs.ola import Ola
from lighting.outputs.sacn import Sacn
from skycam_project.config.lights import LightsConfiguration

__all__ = ["ArtNet", "Enttec", "Ola", "Output", "Sacn", "configured"]


def configured(config: LightsConfiguration) -> list[Output]:
    """The outputs that the settings ask for."""
    outputs: list[Output] = []
    if config.sends_to_ola:
        outputs.append(Ola(config.dmx_ola_url, config.dmx_ola_universe, config.dmx_ola_fps))
    if config.sends_to_usb:
        outputs.append(Enttec(config))
    if config.dmx_sacn_enabled:
        outputs.append(Sacn(config.dmx_sacn_host, config.dmx_sacn_universe))
    if config.dmx_artnet_enabled:
        host, _, port = config.dmx_artnet_host.partition(":")
        outputs.append(ArtNet(host, config.dmx_artnet_universe, int(port or ARTNET_PORT)))
    return outputs
