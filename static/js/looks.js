// What the panels of this page have in common.
import { $, attr } from "./dom.js";

/** Waiting, stale and live panels look different. */
export function looks(panel, entry, linked) {
  attr(panel, "aria-busy", entry ? null : "true");
  attr(panel, "data-state", entry && (entry.problem || !linked) ? "stale" : null);
}

/** The slots `data-f` of a panel by name. */
export const slots = (root) => new Proxy({}, { get: (_, name) => $(`[data-f="${name}"]`, root) });
