"""What Prometheus sees of cameras. The first six names are fixed: dashboards query them."""

from datetime import datetime
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from camera.drivers.base import Counters, DriverState
from camera.state import free_bytes
from skycam_project.common.clock import Clock

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0)
"""Seconds: a day-time shutter to a two-minute exposure."""


class CameraMetrics:
    """All camera metrics, registered once per registry; every series has a `camera` label."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        label = ["camera"]
        self.images = Counter(
            "skycam_images_captured", "Frames acknowledged by their session", label, registry=registry
        )
        self.errors = Counter(
            "skycam_capture_errors", "Failed captures by kind", ["error_type", "camera"], registry=registry
        )
        self.temperature = Gauge(
            "skycam_camera_temperature_celsius", "Sensor temperature of the camera", label, registry=registry
        )
        self.duration = Histogram(
            "skycam_capture_duration_seconds",
            "Shutter command to frame acknowledged",
            label,
            buckets=BUCKETS,
            registry=registry,
        )
        self.sensor_temperature = Gauge(
            "skycam_sensor_temperature_celsius", "External temperature sensors", ["sensor"], registry=registry
        )
        self.active = Gauge("skycam_active_captures", "1 while a run is wanted", label, registry=registry)
        self.latency = Histogram(
            "skycam_capture_latency_seconds",
            "Shutter command to file on disk",
            label,
            buckets=BUCKETS,
            registry=registry,
        )
        self.overhead = Gauge(
            "capture_latency_ms",
            "Newest frame: shutter command to file on disk, without the exposure",
            label,
            registry=registry,
        )
        self.throughput = Gauge(
            "skycam_download_bytes_per_second", "Speed of the newest download", label, registry=registry
        )
        self.restarts = Counter(
            "skycam_camera_restarts", "Times a camera was opened again", label, registry=registry
        )
        self.watchdog_kills = Counter(
            "skycam_watchdog_kills", "Times a camera's process had to be killed", label, registry=registry
        )
        self.missed_slots = Counter(
            "skycam_missed_slots", "Frames that the interval asked for in vain", label, registry=registry
        )
        self.last_frame_age = Gauge(
            "skycam_last_frame_age_seconds", "Time since the newest frame began", label, registry=registry
        )
        self.disk_free = Gauge("skycam_disk_free_bytes", "Room for frames", label, registry=registry)
        self.state = Gauge(
            "skycam_camera_state", "1 for the state the camera is in", ["camera", "state"], registry=registry
        )


class CameraSeries:
    """The metrics of one camera.

    Args:
        metrics: where they are kept.
        camera: the label.
        clock: for the age of the newest frame.
        folder: where the frames go.
    """

    def __init__(self, metrics: CameraMetrics, camera: str, clock: Clock, folder: Path) -> None:
        self._metrics, self._camera, self._clock = metrics, camera, clock
        self._last = Counters()
        self._missed: int | None = None
        metrics.images.labels(camera)
        metrics.active.labels(camera).set(0)
        metrics.disk_free.labels(camera).set_function(lambda: free_bytes(folder) or 0)

    def frame(
        self,
        taken: datetime,
        duration: float | None,
        latency: float | None,
        exposure: float | None,
        size: int,
        download: float | None,
    ) -> None:
        """A frame was acknowledged: its start (UTC), seconds, bytes; `None` for what is not known of it."""
        camera = self._camera
        self._metrics.images.labels(camera).inc()
        age = self._metrics.last_frame_age.labels(camera)
        age.set_function(lambda: (self._clock.now() - taken).total_seconds())
        if duration is not None:
            self._metrics.duration.labels(camera).observe(duration)
        if latency is not None:
            self._metrics.latency.labels(camera).observe(latency)
            if exposure is not None:
                self._metrics.overhead.labels(camera).set(max(0.0, 1000 * (latency - exposure)))
        if download:
            self._metrics.throughput.labels(camera).set(size / download)

    def error(self, kind: str) -> None:
        """A capture failed with the code `kind`."""
        self._metrics.errors.labels(kind, self._camera).inc()

    def running(self, active: bool, missed_slots: int | None) -> None:
        """Whether a run is wanted, and the slots it has missed, `None` when there is none."""
        self._metrics.active.labels(self._camera).set(active)
        if missed_slots is None:
            self._missed = None
        else:
            before = missed_slots if self._missed is None else self._missed
            self._metrics.missed_slots.labels(self._camera).inc(max(0, missed_slots - before))
            self._missed = missed_slots

    def driver(self, state: DriverState, counters: Counters, temperature: float | None) -> None:
        """What the driver shows."""
        camera = self._camera
        for each in DriverState:
            self._metrics.state.labels(camera, each.value).set(each is state)
        self._metrics.restarts.labels(camera).inc(counters.restarts - self._last.restarts)
        self._metrics.watchdog_kills.labels(camera).inc(counters.watchdog_kills - self._last.watchdog_kills)
        self._last = Counters(counters.watchdog_kills, counters.restarts)
        if temperature is not None:
            self._metrics.temperature.labels(camera).set(temperature)
