// States of devices and processes as people read them: kind of status, word, and what the reason says.
import { span } from "./format.js";

const CAMERA = {
  absent: ["off", "Not found"],
  connecting: ["busy", "Connecting"],
  idle: ["ok", "Ready"],
  exposing: ["busy", "Exposing"],
  downloading: ["busy", "Downloading"],
  busy: ["busy", "Busy"],
  fault: ["fault", "Fault"],
  recovering: ["warn", "Recovering"],
};

/** Kind and word for one camera. `entry` is a device of the live connection, or undefined before its first message. */
export function cameraStatus(entry, linked, now) {
  return unheard(entry, linked, now) ?? cameraWord(entry.state);
}

function cameraWord({ state, capturing, reason }) {
  if (state === "idle" && capturing) return ["ok", "Waiting"];
  if (state === "absent" && (reason || capturing)) return ["warn", "Not found"];
  return CAMERA[state] ?? ["info", state];
}

/** What a device's connection says before its own state counts, or null. */
function unheard(entry, linked, now) {
  if (!entry?.state) return ["stale", "No data"];
  if (entry.problem) return ["stale", `No data ${span(Math.floor((now - entry.since) / 1000))}`];
  return linked ? null : ["stale", "Not live"];
}

const PHASES = { waiting: "Exposure begins", exposing: "Exposing", downloading: "Downloading" };

/** Kind and word for a telescope: what it does, then what went wrong, then how it stands. */
export function telescopeStatus(entry, linked, now) {
  return unheard(entry, linked, now) ?? telescopeWord(entry.state);
}

function telescopeWord({ connection, mount, camera, filters, focus }) {
  if (!connection.connected) {
    if (connection.connecting && !connection.problem) return ["busy", "Connecting"];
    return connection.problem ? ["warn", "Not reachable"] : ["off", "Not connected"];
  }
  if (connection.role === "slave") return ["warn", "Another app is host"];
  if (mount.calibrating) return ["busy", "Calibrating"];
  if (mount.moving) return ["busy", "Moving by hand"];
  if (mount.slewing) return ["busy", mount.tracking ? "Slewing" : "Moving"];
  if (PHASES[camera.phase]) return ["busy", PHASES[camera.phase]];
  if (focus.moving) return ["busy", "Focusing"];
  if (filters.position === -1) return ["busy", "Turning filter"];
  if (mount.problem || camera.problem) return ["warn", mount.problem ? "Look at pointing" : "No frame"];
  if (mount.parked) return ["off", "Parked"];
  return ["ok", mount.tracking_active ? "Tracking" : "Ready"];
}

/** A host's reason is "What happened. What to do." Returns [what, more]. */
export function sentences(text) {
  const end = text.search(/[.!?]\s/);
  return end < 0 ? [text, ""] : [text.slice(0, end + 1), text.slice(end + 1).trim()];
}

const PROCESS = { running: "ok", starting: "busy", waiting: "warn", restarting: "warn", failed: "fault", stopped: "off" };

/** Kind, word and fact for one process of the supervisor. */
export function processStatus({ state, restarts, reason }) {
  const times = restarts === 1 ? "restarted once" : `restarted ${restarts} times`;
  const again = restarts ? [times, reason].filter(Boolean).join(restarts === 1 ? ": " : ", last: ") : "";
  const fact = state === "running" ? again || "running" : [state, reason].filter(Boolean).join(": ");
  return [PROCESS[state] ?? "info", state, fact];
}

const LEVELS = { warning: ["warn", "warning"], error: ["fault", "error"], critical: ["fault", "critical"] };
export const levelStatus = (level) => LEVELS[String(level).toLowerCase()] ?? ["info", String(level).toLowerCase()];
