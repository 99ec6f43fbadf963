// One telescope: its picture, where it points, exposures, focus, what it tells of itself.
import { serverNow, tick } from "./clock.js";
import { connect } from "./connection.js";
import { $ } from "./dom.js";
import { Device } from "./telescope/device.js";
import { Events } from "./telescope/events.js";
import { Exposures } from "./telescope/exposures.js";
import { Focus } from "./telescope/focus.js";
import { Head } from "./telescope/head.js";
import { Picture } from "./telescope/picture.js";
import { Pointing } from "./telescope/pointing.js";

const live = connect();
const number = $("#main").dataset.number;
const page = { number, base: `telescopes/${encodeURIComponent(number)}`, changed: () => live.changed() };
const panels = [Head, Picture, Pointing, Exposures, Focus, Device, Events].map((Panel) => new Panel(page));

/** What every panel draws from. */
function view() {
  const entry = live.devices.get(`telescope/${number}`);
  const linked = live.link === "open";
  const fresh = linked && !!entry?.state && !entry.problem;
  const state = entry?.state ?? null;
  // Without a connection the host knows nothing of the telescope itself, whatever its state says.
  return { live, entry, state, linked, fresh, connected: !!state?.connection.connected, now: serverNow() };
}

live.onchange(() => {
  const now = view();
  for (const panel of panels) panel.draw(now);
});
tick(() => {
  const now = view();
  for (const panel of panels) panel.tick?.(now);
});
