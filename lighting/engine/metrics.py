"""The engine's figures; the first six have document 004's names exactly."""

from prometheus_client import Counter, Gauge, Histogram

processed = Counter("dmx_engine_processed", "Commands that changed the state")
deduped = Counter("dmx_engine_deduped", "Commands ignored because their id was taken")
queue_depth = Gauge("dmx_engine_queue_depth", "Commands that wait")
last_latency = Gauge("dmx_engine_last_latency_ms", "Duration of the last apply, milliseconds")
mqtt_connected = Gauge("dmx_mqtt_connected", "Whether the MQTT broker is connected")

dropped = Counter("dmx_engine_dropped", "Commands that were not carried out", ["reason"])
apply_seconds = Histogram(
    "dmx_engine_apply_seconds",
    "From taking a command to having handed its state to every output",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
)
wait_seconds = Histogram(
    "dmx_engine_wait_seconds",
    "How long a command waited in the queue",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
output_frames = Counter("dmx_output_frames", "Frames given to an output", ["driver", "result"])
output_up = Gauge("dmx_output_up", "Whether an output takes frames", ["driver"])
interlock_active = Gauge("dmx_interlock_active", "Whether light is held back for an exposure")
write_errors = Gauge("dmx_engine_write_errors", "Failed writes of state and ids since the start")
