"""Settings of the lights: document 004's variables under its names, and the ones that the observatory adds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skycam_project.common.units import Degrees, Seconds
from skycam_project.config import kinds
from skycam_project.config.row import setting


def _light(kind: kinds.Kind[Any], default: Any, name: str, effect: str, *aliases: str) -> Any:
    """A row whose environment name follows its key: `mqtt.host` is `DMX_MQTT_HOST` and `lights.mqtt.host`."""
    environment = "DMX_" + name.replace(".", "_").upper()
    return setting(kind, default, effect, env=(environment, *aliases), yaml=f"lights.{name}")


_port = kinds.integer(1, 65535)
_fps = kinds.integer(1, 44)
_universe = kinds.integer(0, 63999)
_http = kinds.url("http", "https")
_text = kinds.optional(kinds.text)
_file = kinds.optional(kinds.path)
_secret = kinds.optional(kinds.password)


@dataclass(frozen=True, kw_only=True)
class LightsConfiguration:
    """Everything that begins with `DMX_`, and `OUTPUT_MODE`."""

    # fmt: off
    dmx_engine: str = _light(kinds.choice("auto", "external", "off"), "auto", "engine", "Who runs the lights' engine: auto, `up` does; external, another supervisor does; off, nobody.")
    dmx_log_level: str | None = _light(kinds.optional(kinds.choice("debug", "info", "warning", "error")), None, "log_level", "Least level that the engine logs; empty: as SKYCAM_LOG_LEVEL.")
    dmx_metrics_enabled: bool = _light(kinds.switch, True, "metrics_enabled", "Whether the engine answers with its metrics.")
    dmx_persistence_path: Path = _light(kinds.path, "data/state.json", "persistence_path", "The state, without projects.")
    dmx_dedupe_path: Path = _light(kinds.path, "data/cmd_seen.json", "dedupe_path", "The command ids seen, without projects.")
    dmx_queue_size: int = _light(kinds.integer(1, 1_000_000), 10000, "queue_size", "Commands that may wait; beyond it the oldest drag event is dropped.")
    dmx_cmd_dedupe_ttl_seconds: Seconds = _light(kinds.number(1, 31_536_000, "s"), 900, "cmd_dedupe_ttl_seconds", "How long a repeated cmdId is ignored.")
    dmx_cmd_dedupe_capacity: int = _light(kinds.integer(1, 10_000_000), 4096, "cmd_dedupe_capacity", "How many cmdIds are remembered.")
    dmx_allow_origins: tuple[str, ...] = _light(kinds.words, "*", "allow_origins", "Origins whose pages may use the lights' addresses; `*` lets every page read and none but our own change.")
    dmx_api_keys: tuple[str, ...] = _light(replace(kinds.words, secret=True), "", "api_keys", "Keys for x-api-key and ?token=; with any set, changes need one or a log-in as operator.")

    dmx_mqtt_enabled: bool = _light(kinds.switch, True, "mqtt.enabled", "Whether the engine talks MQTT at all.")
    dmx_mqtt_host: str | None = _light(_text, None, "mqtt.host", "The broker. Empty: localhost is tried, and readiness does not wait for it.")
    dmx_mqtt_port: int = _light(_port, 1883, "mqtt.port", "Its port.")
    dmx_mqtt_username: str | None = _light(_text, None, "mqtt.username", "User name at the broker.")
    dmx_mqtt_password: str | None = _light(_secret, None, "mqtt.password", "Password at the broker.")
    dmx_mqtt_tls_ca: Path | None = _light(_file, None, "mqtt.tls_ca", "File of certificates that the broker's must be signed by; turns TLS on.")
    dmx_mqtt_version: str = _light(kinds.choice("3.1.1", "5"), "3.1.1", "mqtt.version", "Protocol version.")
    dmx_mqtt_keepalive: int = _light(kinds.integer(1, 65535), 30, "mqtt.keepalive", "Seconds between signs of life.")
    dmx_mqtt_client_id_prefix: str = _light(kinds.text, "dmx-demo", "mqtt.client_id_prefix", "The client id; its session at the broker belongs to it.")
    dmx_homeassistant: bool = _light(kinds.switch, False, "homeassistant", "Announce the lights to Home Assistant over MQTT.")

    output_mode: str = setting(kinds.choice("null", "ola", "enttec"), "null", "The main output; `ola` and `enttec` are the same as their own switches.", env=("OUTPUT_MODE", "DMX_OUTPUT_MODE"), yaml="lights.output_mode")
    dmx_ola_enabled: bool = _light(kinds.switch, False, "ola.enabled", "Send universe 0 to OLA.")
    dmx_ola_url: str = _light(_http, "http://localhost:9090/set_dmx", "ola.url", "OLA's address.")
    dmx_ola_universe: int = _light(_universe, 1, "ola.universe", "OLA's number of the universe.")
    dmx_ola_fps: int = _light(_fps, 44, "ola.fps", "Most frames per second.")
    dmx_usb_enabled: bool = _light(kinds.switch, False, "usb.enabled", "Send universe 0 to an ENTTEC DMX USB PRO.")
    dmx_usb_port: str | None = _light(_text, None, "usb.port", "Its serial port; empty or `auto`: found by its ids.")
    dmx_usb_vendor_ids: tuple[int, ...] = _light(kinds.hexadecimals, "0x0403", "usb.vendor_ids", "USB vendors to look for.")
    dmx_usb_product_ids: tuple[int, ...] = _light(kinds.hexadecimals, "0x6001,0x6010,0x0400", "usb.product_ids", "USB products to look for.")
    dmx_usb_baudrate: int = _light(kinds.integer(1200, 4_000_000), 57600, "usb.baudrate", "Rate at which the port is opened; the widget ignores it.")
    dmx_usb_fps: int = _light(_fps, 40, "usb.fps", "Most frames per second.")
    dmx_usb_scan_interval: Seconds = _light(kinds.number(0.1, 3600, "s"), 5, "usb.scan_interval", "Between looks for the widget.")
    dmx_sacn_enabled: bool = _light(kinds.switch, False, "sacn.enabled", "Send all universes as sACN (E1.31).")
    dmx_sacn_host: str | None = _light(_text, None, "sacn.host", "One receiver; empty: multicast.")
    dmx_sacn_universe: int = _light(kinds.integer(1, 63999), 1, "sacn.universe", "sACN's number of our universe 0; the others follow.")
    dmx_artnet_enabled: bool = _light(kinds.switch, False, "artnet.enabled", "Send all universes as Art-Net.")
    dmx_artnet_host: str = _light(kinds.node, "255.255.255.255", "artnet.host", "The node, or a broadcast address; with :port when it is not 6454.")
    dmx_artnet_universe: int = _light(kinds.integer(0, 32767), 0, "artnet.universe", "Art-Net's port address of our universe 0; the others follow.")

    dmx_input_enabled: bool = _light(kinds.switch, False, "input.enabled", "Read a SparkFun DMX shield over its serial port.")
    dmx_input_port: str | None = _light(_text, None, "input.port", "Its serial port.")
    dmx_input_baudrate: int = _light(kinds.integer(1200, 4_000_000), 115200, "input.baudrate", "Its rate.")
    dmx_input_channels: int = _light(kinds.integer(1, 512), 3, "input.channels", "How many of the channels 1 to 3 become red, green and blue.")
    dmx_input_universe: int = _light(_universe, 0, "input.universe", "A label for its universe in logs.")
    dmx_input_src: str = _light(kinds.text, "dmx-input", "input.src", "The sender's name in its commands.")

    dmx_projects_enabled: bool = _light(kinds.switch, False, "projects.enabled", "Several independent shows.")
    dmx_projects_root: Path = _light(kinds.path, "data/projects", "projects.root", "Their folder.")
    dmx_cloud_backup_enabled: bool = _light(kinds.switch, False, "cloud_backup.enabled", "Keep backups of projects.")
    dmx_cloud_backup_provider: str = _light(kinds.choice("local", "s3"), "local", "cloud_backup.provider", "Where backups go.")
    dmx_cloud_backup_local_path: Path = _light(kinds.path, "data/backups", "cloud_backup.local_path", "Folder of local backups.")
    dmx_cloud_backup_encryption_key: str | None = _light(kinds.optional(kinds.fernet_key), None, "cloud_backup.encryption_key", "Encrypts backups; whoever loses it loses them.")
    dmx_cloud_backup_auto_interval: float = _light(kinds.number(0, 525_600, "minutes"), 0, "cloud_backup.auto_interval", "Between automatic backups of what has changed; 0: none.")
    dmx_cloud_backup_s3_bucket: str | None = _light(_text, None, "cloud_backup.s3.bucket", "The bucket.")
    dmx_cloud_backup_s3_prefix: str = _light(kinds.text, "dmx-controller/backups", "cloud_backup.s3.prefix", "Begins every key.")
    dmx_cloud_backup_s3_region: str | None = _light(_text, None, "cloud_backup.s3.region", "Its region.")
    dmx_cloud_backup_s3_access_key: str | None = _light(_secret, None, "cloud_backup.s3.access_key", "Access key; empty: as the AWS tools find it.")
    dmx_cloud_backup_s3_secret_key: str | None = _light(_secret, None, "cloud_backup.s3.secret_key", "Its secret.")
    dmx_cloud_backup_s3_session_token: str | None = _light(_secret, None, "cloud_backup.s3.session_token", "Token of a temporary access key.")

    dmx_interlock: str = _light(kinds.choice("off", "warn", "enforce"), "warn", "interlock", "While a camera exposes: let light pass and say so (warn), or keep everything dark (enforce).")
    dmx_interlock_beacon_max: int = _light(kinds.integer(0, 255), 8, "interlock_beacon_max", "Brightest beacon that stays on during an exposure.")
    dmx_beacons: bool = _light(kinds.switch, True, "beacons", "Whether the fixtures of role beacon show what telescope and cameras do.")
    dmx_flat_timeout_min: float = _light(kinds.number(0, 1440, "minutes"), 30, "flat_timeout_min", "The flat panel goes off so long after it was last set; 0: never.")
    dmx_flat_pwm_hz: float = _light(kinds.number(10, 100_000, "Hz"), 100, "flat_pwm_hz", "How often the flat panel's dimming switches; flats are exposed for at least ten periods.")
    dmx_dark_max_red: int = _light(kinds.integer(0, 255), 64, "dark_max_red", "Brightest red in the dark mode.")
    dmx_dark_sun_altitude: Degrees | None = _light(kinds.optional(kinds.number(-90, 0, "degrees")), -12, "dark_sun_altitude", "Below this altitude of the Sun the dark mode turns itself on, 6 degrees above it off; empty, or without a site: never.")
    # fmt: on

    @property
    def sends_to_ola(self) -> bool:
        """Whether OLA is an output."""
        return self.dmx_ola_enabled or self.output_mode == "ola"

    @property
    def sends_to_usb(self) -> bool:
        """Whether the ENTTEC widget is an output."""
        return self.dmx_usb_enabled or self.output_mode == "enttec"

    def contradictions(self) -> Iterator[tuple[str, object, str]]:
        """Values that are allowed each, but not together: key, value, what is allowed."""
        if (
            self.dmx_cloud_backup_enabled
            and self.dmx_cloud_backup_provider == "s3"
            and not self.dmx_cloud_backup_s3_bucket
        ):
            yield (
                "DMX_CLOUD_BACKUP_S3_BUCKET",
                "",
                "the name of a bucket while DMX_CLOUD_BACKUP_PROVIDER is s3",
            )
        if bool(self.dmx_cloud_backup_s3_access_key) != bool(self.dmx_cloud_backup_s3_secret_key):
            yield (
                "DMX_CLOUD_BACKUP_S3_SECRET_KEY",
                "(hidden)",
                "given together with DMX_CLOUD_BACKUP_S3_ACCESS_KEY",
            )
