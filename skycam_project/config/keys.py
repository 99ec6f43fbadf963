"""Every setting: its type, default, names and effect. `docs/settings.md` is generated from this table."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from skycam_project.common.units import Degrees, Metres, Seconds
from skycam_project.config import kinds
from skycam_project.config.lights import LightsConfiguration
from skycam_project.config.row import setting
from skycam_project.config.sessions import SessionsConfiguration
from skycam_project.config.timelapse import NodeConfiguration, TimelapseConfiguration

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
LOCAL_NETWORKS = (
    "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1/128,fe80::/10,fc00::/7"
)


@dataclass(frozen=True, kw_only=True)
class CameraConfiguration:
    """One camera of the list `cameras` in skycam.yaml; the same keys as document 001's `camera`."""

    id: str = setting(
        kinds.text,
        "default",
        "Short name in addresses and folders: lower case letters, digits, dashes.",
        yaml="id",
    )
    name: str = setting(kinds.text, "Camera", "The name people see.", yaml="name")
    port: str | None = setting(
        kinds.optional(kinds.text),
        None,
        "`usb:001,004` or `ptpip:192.168.1.20:15740:15740`; empty: the first camera found on USB.",
        yaml="port",
    )
    exposure_time: Seconds = setting(
        kinds.number(1 / 8000, 3600, "s"), 8.0, "Exposure of one frame.", yaml="exposure_time"
    )
    f_number: float | None = setting(
        kinds.optional(kinds.number(0.7, 64)),
        1.4,
        "Aperture; the nearest that the lens offers, ignored by a manual lens.",
        yaml="f_number",
    )
    iso: float | None = setting(
        kinds.optional(kinds.number(25, 819200)), None, "ISO; empty: as the camera stands.", yaml="iso"
    )
    delay: Seconds = setting(
        kinds.number(0.2, 86400, "s"),
        12.0,
        "From the start of one frame to the start of the next.",
        yaml="delay",
    )


@dataclass(frozen=True, kw_only=True)
class Configuration(LightsConfiguration, SessionsConfiguration, TimelapseConfiguration):
    """All settings, read and checked."""

    # ---- where things are
    data: Path = setting(
        kinds.path, "./var", "The data folder: database, sessions, products, secrets.", env="SKYCAM_DATA"
    )
    database_url: str | None = setting(
        kinds.optional(kinds.url("sqlite", "postgres", "postgresql", secret=True)), None,
        "Another database than SQLite in the data folder.", env="DATABASE_URL", yaml="database_url",
    )  # fmt: skip
    redis_url: str | None = setting(
        kinds.optional(kinds.url("redis", "rediss", "unix", secret=True)), None,
        "An outside Redis or Valkey. Over TCP only with TLS, a password or on this machine.", env="REDIS_URL", yaml="redis_url",
    )  # fmt: skip
    demo: str = setting(
        kinds.choice("auto", "on", "off"),
        "auto",
        "Simulated devices under a simulated sky; auto: when no device is configured.",
        env="SKYCAM_DEMO",
        yaml="demo",
    )

    # ---- web
    port: int = setting(
        kinds.integer(1, 65535),
        8080,
        "Port of pages, interfaces and Alpaca.",
        env=("SKYCAM_PORT", "WEB_PORT"),
        yaml="web.port",
    )
    host: str | None = setting(
        kinds.optional(kinds.text), None,
        "Address to listen on. Empty: 127.0.0.1 until an owner exists, all interfaces after.", env="SKYCAM_HOST", yaml="web.host",
    )  # fmt: skip
    hosts: tuple[str, ...] = setting(
        kinds.words,
        "",
        "Further host names under which browsers may reach this machine.",
        env="SKYCAM_HOSTS",
        yaml="web.hosts",
    )
    server: str = setting(
        kinds.choice("daphne", "uvicorn"),
        "daphne",
        "The ASGI server; uvicorn takes about half the CPU per request.",
        env="SKYCAM_SERVER",
        yaml="web.server",
    )
    debug: bool = setting(
        kinds.switch, False, "Django's debug pages. Never on a network.", env="SKYCAM_DEBUG", yaml="web.debug"
    )
    secret_key: str | None = setting(
        kinds.optional(kinds.secret), None, "Key for sessions and tokens; generated into the data folder when empty.",
        env=("SKYCAM_SECRET_KEY", "DJANGO_SECRET_KEY"), yaml="web.secret_key",
    )  # fmt: skip
    https: bool = setting(
        kinds.switch,
        False,
        "Secure cookies, redirect to https and HSTS together; for use behind a TLS proxy.",
        env="SKYCAM_HTTPS",
        yaml="web.https",
    )
    trusted_proxies: Networks = setting(
        kinds.networks,
        "",
        "Reverse proxies whose X-Forwarded-* headers are believed.",
        env="SKYCAM_TRUSTED_PROXIES",
        yaml="web.trusted_proxies",
    )
    metrics_networks: Networks = setting(
        kinds.networks,
        LOCAL_NETWORKS,
        "Networks that may read /metrics without a token.",
        env="SKYCAM_METRICS_NETWORKS",
        yaml="monitoring.networks",
    )
    prometheus_port: int = setting(
        kinds.integer(0, 65535),
        0,
        "A second listener that serves /metrics only; 0: none.",
        env="PROMETHEUS_PORT",
        yaml="monitoring.prometheus.port",
    )
    prometheus_enabled: bool = setting(
        kinds.switch,
        True,
        "Whether /metrics answers at all.",
        env="SKYCAM_PROMETHEUS",
        yaml="monitoring.prometheus.enabled",
    )

    # ---- site
    site_name: str = setting(
        kinds.text, "My observatory", "The name of the place.", env="SKYCAM_SITE_NAME", yaml="site.name"
    )
    latitude: Degrees | None = setting(
        kinds.optional(kinds.number(-90, 90, "degrees")),
        None,
        "Geographic latitude, north positive.",
        env="SKYCAM_LATITUDE",
        yaml="site.latitude",
    )
    longitude: Degrees | None = setting(
        kinds.optional(kinds.number(-180, 180, "degrees")),
        None,
        "Geographic longitude, east positive.",
        env="SKYCAM_LONGITUDE",
        yaml="site.longitude",
    )
    elevation: Metres = setting(
        kinds.number(-500, 9000, "m"),
        0.0,
        "Height above sea level.",
        env="SKYCAM_ELEVATION",
        yaml="site.elevation",
    )

    # ---- the default camera (document 001)
    camera_type: str = setting(
        kinds.choice("dslr"),
        "dslr",
        "Kind of the default camera.",
        env="SKYCAM_CAMERA_TYPE",
        yaml="camera.type",
    )
    camera_name: str = setting(
        kinds.text, "All-sky", "Name of the default camera.", env="SKYCAM_CAMERA_NAME", yaml="camera.name"
    )
    camera_port: str | None = setting(
        kinds.optional(kinds.text), None,
        "`usb:001,004` or `ptpip:192.168.1.20:15740:15740`; empty: the first camera found on USB.", env="CAMERA_PORT", yaml="camera.port",
    )  # fmt: skip
    exposure_time: Seconds = setting(
        kinds.number(1 / 8000, 3600, "s"),
        8.0,
        "Exposure of one frame.",
        env="SKYCAM_EXPOSURE",
        yaml="camera.exposure_time",
    )
    f_number: float | None = setting(
        kinds.optional(kinds.number(0.7, 64)),
        1.4,
        "Aperture; the nearest that the lens offers, ignored by a manual lens.",
        env="SKYCAM_F_NUMBER",
        yaml="camera.f_number",
    )
    iso: float | None = setting(
        kinds.optional(kinds.number(25, 819200)),
        None,
        "ISO; empty: as the camera stands.",
        env="SKYCAM_ISO",
        yaml="camera.iso",
    )
    delay: Seconds = setting(
        kinds.number(0.2, 86400, "s"),
        12.0,
        "From the start of one frame to the start of the next.",
        env="SKYCAM_DELAY",
        yaml="camera.delay",
    )
    image_path: Path | None = setting(
        kinds.optional(kinds.path), None,
        "Frames of the default camera also appear here as YYYY/MM/DD/raw/, by hard link where the file system allows.", env="SKYCAM_IMAGE_PATH", yaml="camera.image_path",
    )  # fmt: skip

    # ---- the telescope (document 000)
    telescope_host: str | None = setting(
        kinds.optional(kinds.text),
        None,
        "Address of a DWARF 3 in the network; 192.168.88.1 when the telescope makes its own. Empty: no telescope.",
        env="SKYCAM_TELESCOPE",
        yaml="telescope.host",
    )
    telescope_name: str = setting(
        kinds.text, "DWARF 3", "The name people see.", env="SKYCAM_TELESCOPE_NAME", yaml="telescope.name"
    )
    telescope_ws_port: int = setting(
        kinds.integer(1, 65535),
        9900,
        "Its WebSocket port.",
        env="SKYCAM_TELESCOPE_WS_PORT",
        yaml="telescope.ws_port",
    )
    telescope_http_port: int = setting(
        kinds.integer(1, 65535),
        8082,
        "Its HTTP port.",
        env="SKYCAM_TELESCOPE_HTTP_PORT",
        yaml="telescope.http_port",
    )
    telescope_files_port: int = setting(
        kinds.integer(1, 65535),
        80,
        "Its file server's port.",
        env="SKYCAM_TELESCOPE_FILES_PORT",
        yaml="telescope.files_port",
    )
    telescope_ftp_port: int = setting(
        kinds.integer(1, 65535),
        21,
        "Its FTP port.",
        env="SKYCAM_TELESCOPE_FTP_PORT",
        yaml="telescope.ftp_port",
    )
    telescope_horizon: Degrees = setting(
        kinds.number(0, 60, "degrees"),
        0.0,
        "Slews below this altitude are refused.",
        env="SKYCAM_TELESCOPE_HORIZON",
        yaml="telescope.horizon",
    )
    telescope_require_darks: bool = setting(
        kinds.switch,
        False,
        "An exposure without a matching dark frame fails instead of going on without.",
        env="SKYCAM_TELESCOPE_REQUIRE_DARKS",
        yaml="telescope.require_darks",
    )

    # ---- Alpaca
    alpaca: bool = setting(
        kinds.switch,
        True,
        "Whether the Alpaca interface answers.",
        env="SKYCAM_ALPACA",
        yaml="alpaca.enabled",
    )
    alpaca_networks: Networks = setting(
        kinds.networks,
        LOCAL_NETWORKS,
        "Networks whose programs may use Alpaca: the protocol has no login.",
        env="SKYCAM_ALPACA_NETWORKS",
        yaml="alpaca.networks",
    )
    alpaca_password: str | None = setting(
        kinds.optional(kinds.password),
        None,
        "A password (HTTP Basic, any name) for Alpaca clients that can send one.",
        env="SKYCAM_ALPACA_PASSWORD",
        yaml="alpaca.password",
    )
    alpaca_discovery_port: int = setting(
        kinds.integer(0, 65535),
        32227,
        "UDP port on which Alpaca clients find this server; 0: none.",
        env="SKYCAM_ALPACA_DISCOVERY_PORT",
        yaml="alpaca.discovery_port",
    )

    # ---- logs and command line
    log_level: str = setting(
        kinds.choice("debug", "info", "warning", "error"),
        "info",
        "Least level that is logged.",
        env="SKYCAM_LOG_LEVEL",
        yaml="logging.level",
    )
    log_file: Path | None = setting(
        kinds.optional(kinds.path),
        "logs/skycam.log",
        "JSON log file of all processes, in the data folder when relative; empty: none.",
        env="SKYCAM_LOG_FILE",
        yaml="logging.file",
    )
    log_max_size: int = setting(
        kinds.size,
        "10MB",
        "Size at which the log file is rotated.",
        env="SKYCAM_LOG_MAX_SIZE",
        yaml="logging.max_size",
    )
    log_backup_count: int = setting(
        kinds.integer(0, 100),
        5,
        "Rotated log files that are kept.",
        env="SKYCAM_LOG_BACKUP_COUNT",
        yaml="logging.backup_count",
    )
    output: str = setting(
        kinds.choice("rich", "json"),
        "rich",
        "What the commands print.",
        env="SKYCAM_OUTPUT",
        yaml="cli.output_format",
    )
    verbose: bool = setting(
        kinds.switch, False, "Commands also print what they do.", env="SKYCAM_VERBOSE", yaml="cli.verbose"
    )

    # ---- lists, so they stand in skycam.yaml only
    cameras: tuple[CameraConfiguration, ...] = ()
    nodes: tuple[NodeConfiguration, ...] = ()

    def resolve(self, path: Path) -> Path:
        """A path of the settings: relative ones lie under the data folder."""
        return path if path.is_absolute() else self.data / path

    def all_cameras(self) -> tuple[CameraConfiguration, ...]:
        """The default camera of document 001, then those of the list."""
        default = CameraConfiguration(
            id="default", name=self.camera_name, port=self.camera_port, exposure_time=self.exposure_time,
            f_number=self.f_number, iso=self.iso, delay=self.delay,
        )  # fmt: skip
        return (default, *self.cameras)

    @property
    def is_demo(self) -> bool:
        """Whether simulated devices take the place of hardware."""
        return self.demo == "on" or (
            self.demo == "auto"
            and self.camera_port is None
            and not self.cameras
            and self.telescope_host is None
        )
