// The telescope's card: its newest frame, where it points, and the commands that must never be far away.
import { age, local, serverNow } from "../clock.js";
import { Commands } from "../commands.js";
import { $, notice, status, text } from "../dom.js";
import { NONE, degreesText, parse, smallAngle, span } from "../format.js";
import { looks, slots } from "../looks.js";
import { Newest, into, pictureOf, showProgress } from "../newest.js";
import { begun, settingsText, trouble, unable } from "../telescope/state.js";
import { sentences, telescopeStatus } from "../words.js";

const STEP_MS = 250;

export class Telescope {
  constructor(panel, changed) {
    this.panel = panel;
    this.number = panel.dataset.telescope;
    this.facts = slots(panel);
    this.newest = new Newest($(".missing", panel), into($("img", panel)));
    this.bar = $(".progress", panel);
    const actions = { stop: { path: "abort", done: "Stopped" }, park: { path: "park", done: "Parking" } };
    this.commands = new Commands(panel, this.facts.why, `telescopes/${this.number}`, actions, changed);
    setInterval(() => this.tick(), STEP_MS);
  }

  draw({ live, linked, now }) {
    const entry = live.devices.get(`telescope/${this.number}`);
    const state = entry?.state ?? null;
    const { frame, mount, connection } = state ?? {};
    this.camera = linked && !entry?.problem ? state?.camera : null;
    looks(this.panel, entry, linked);
    status(this.facts.state, ...telescopeStatus(entry, linked, now));
    age(this.facts.age, parse(frame?.taken_at));
    this.newest.show(pictureOf(`telescope-${this.number}`, frame, "thumbnail"), {
      label: frame ? `Newest frame of the telescope: ${frame.target || "no target"}, ${local.time(parse(frame.taken_at))}` : "",
      reason: state ? "No frame yet." : "Waiting for the telescope’s state",
      failed: "The newest frame’s preview could not be loaded.",
    });
    for (const corner of [this.facts.target, this.facts.settings]) corner.hidden = !frame;
    text(this.facts.target, frame?.target || "No target");
    text(this.facts.settings, frame ? settingsText(frame) : "");
    const known = connection?.connected && mount.position_known;
    text(this.facts.where, known ? `${degreesText(mount.altitude_deg)}, ${degreesText(mount.azimuth_deg)}` : NONE);
    text(this.facts.error, smallAngle(known ? mount.residual_arcsec : null));
    age(this.facts.solved, known ? parse(mount.solved_at) : Number.NaN);
    text(this.facts.tracking, connection?.connected ? (mount.tracking_active ? mount.target_name || "on" : "off") : NONE);
    this.trouble(entry);
    this.refuse(entry);
    this.tick();
  }

  trouble(entry) {
    const found = trouble(entry);
    this.facts.trouble.hidden = !found || found[0] === "info"; // the state in the header says as much
    if (!this.facts.trouble.hidden) notice(this.facts.trouble, found[0], ...sentences(found[1]));
  }

  refuse(entry) {
    const reason = unable(entry);
    const why = {};
    if (reason) why.stop = why.park = reason;
    else if (entry.state.mount.parked) why.park = "Parked.";
    this.commands.refuse(why);
  }

  tick() {
    if (document.hidden) return;
    const start = begun(this.camera);
    showProgress(this.bar, start, this.camera?.exposure_s);
    const left = Math.ceil(this.camera?.exposure_s - (serverNow() - start) / 1000);
    this.facts.left.hidden = !Number.isFinite(left);
    text(this.facts.left, `${span(Math.max(0, left))} left`);
  }
}
