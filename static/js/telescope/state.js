// What the state of a telescope means for its commands, and how its frames are described.
import { silent } from "../commands.js";
import { exposureText, gainText, parse } from "../format.js";

/** "60 s · gain 60 · Astro": how a frame was taken. */
export const settingsText = (frame) => [exposureText(frame.exposure_s), gainText(frame.gain), frame.filter].filter(Boolean).join(" · ");

/** When the running exposure began, in milliseconds; NaN when none is being taken. */
export const begun = (camera) => (camera?.phase === "exposing" ? parse(camera.started_at) : Number.NaN);

/** An exposure is asked for, being taken or on its way. */
export const exposing = (state) => !!state && state.camera.phase !== "idle";

/** The telescope's host is there, the telescope itself is not, or somebody else's. */
export const away = (entry) => !!entry?.state && !entry.problem && (!entry.state.connection.connected || entry.state.connection.role === "slave");

/** What troubles a telescope now, as [kind, reason], or null. */
export function trouble(entry) {
  if (entry?.problem) return ["warn", entry.problem];
  if (!entry?.state) return null;
  const { connection, mount, camera, filters, focus } = entry.state;
  if (!connection.connected && !connection.problem && !connection.connecting) return ["info", "The telescope is not connected."];
  if (connection.role === "slave") return ["warn", "Another app controls the telescope. Close it there, or take control here."];
  const words = connection.problem || mount.problem || camera.problem || filters.problem || focus.problem;
  return words ? ["warn", words] : null;
}

/** Why nothing can be asked of a telescope now, or null. */
export function unable(entry) {
  const reason = silent(entry, "telescope");
  if (reason) return reason;
  const { connected, role } = entry.state.connection;
  if (!connected) return "The telescope is not connected.";
  return role === "slave" ? "Another app controls the telescope." : null;
}

/** The same reason for each of `names`. */
export const allOf = (names, reason) => Object.fromEntries(names.map((name) => [name, reason]));
