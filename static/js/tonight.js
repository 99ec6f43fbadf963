// Tonight: one selected camera in the big picture, its controls, its session, and the system under all of it.
import { serverNow, tick } from "./clock.js";
import { connect } from "./connection.js";
import { $, $$ } from "./dom.js";
import { Cameras } from "./tonight/cameras.js";
import { Capture } from "./tonight/capture.js";
import { Head } from "./tonight/head.js";
import { Picture } from "./tonight/picture.js";
import { Session } from "./tonight/session.js";
import { System } from "./tonight/system.js";
import { Telescope } from "./tonight/telescope.js";

const live = connect();
const cameras = new Cameras($("#cams"), () => live.changed());
const panels = [new Head(), new System()];
if (cameras.ids.length) panels.push(new Picture(), new Capture(), new Session());
panels.push(...$$("[data-telescope]").map((panel) => new Telescope(panel, () => live.changed())));

/** What every panel draws from. */
function view() {
  const id = cameras.selected;
  const entry = live.devices.get(`camera/${id}`);
  return {
    live,
    cameras,
    id,
    entry,
    state: entry?.state ?? null,
    linked: live.link === "open",
    fresh: live.link === "open" && !!entry && !entry.problem,
    now: serverNow(),
  };
}


function draw() {
  const now = view();
  cameras.draw(now);
  for (const panel of panels) panel.draw(now);
}

live.onchange(draw);
tick(() => {
  const now = view();
  for (const panel of panels) panel.tick?.(now);
});
