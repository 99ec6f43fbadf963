// The server's time, ages and clocks. The browser's own clock may be wrong by hours: it is never asked what time it is.
import { $, $$, attr, text } from "./dom.js";
import { Local, span } from "./format.js";

const zone = document.body.dataset.zone;
export const local = new Local(zone || "UTC");
let offset = Date.now() - performance.now();

/** Take the server's time from a message; a quarter of a second of travel is not corrected. */
export function setServerTime(ms) {
  if (Number.isFinite(ms)) offset = ms - performance.now();
}
/** Milliseconds since 1970 at the server. Goes on counting while the connection is lost. */
export const serverNow = () => offset + performance.now();

/** Let an element show how long ago `ms` was; past `limit` seconds it turns amber. */
export function age(element, ms, limit) {
  attr(element, "data-since", Number.isFinite(ms) ? ms : null);
  attr(element, "data-limit", limit ?? null);
  showAge(element, serverNow());
}

function showAge(element, now) {
  const since = Number(element.dataset.since);
  if (!element.dataset.since || Number.isNaN(since)) {
    text(element, "");
    attr(element, "data-old", false);
    return;
  }
  const seconds = Math.max(0, (now - since) / 1000);
  const long = span(Math.floor(seconds));
  text(element, element.dataset.form === "up" ? `up ${long}` : `${long} ago`);
  attr(element, "data-old", seconds > Number(element.dataset.limit || Infinity));
}

const everySecond = new Set();
/** Have `draw(now)` called once a second while somebody looks. */
export const tick = (draw) => everySecond.add(draw);

export function runClock() {
  const now = serverNow();
  if (!document.hidden) {
    for (const element of $$(".age[data-since]")) showAge(element, now);
    if (zone) {
      text($("[data-clock]"), local.time(now));
      text($("[data-zone-name]"), local.name(now));
    }
    for (const draw of everySecond) draw(now);
  }
  setTimeout(runClock, 1000 - (serverNow() % 1000));
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const draw of everySecond) draw(serverNow());
});
