// The newest frame of the selected camera with its corners. A frame that is missing is hatched and says why;
// it never borrows the frame of another camera.
import { age, local, serverNow } from "../clock.js";
import { $, attr, text } from "../dom.js";
import { apertureText, bytes, exposureText, gainText, num, parse } from "../format.js";
import { looks, slots } from "../looks.js";
import { Newest, into, pictureOf, showProgress } from "../newest.js";

const STEP_MS = 250;

/** A frame's number in its run; a single frame has only the one in its session. */
const numberOf = ({ number, id }) => number ?? Number(/\d+$/.exec(id)?.[0] ?? Number.NaN);

export class Picture {
  constructor() {
    this.panel = $("#now");
    this.newest = new Newest($("#missing"), into($("#frame")));
    this.bar = $("#exposing");
    this.hud = slots(this.panel);
    setInterval(() => this.advance(), STEP_MS);
  }

  draw({ id, entry, state, linked, fresh, cameras }) {
    looks(this.panel, entry, linked);
    text($("h2", this.panel), state?.name ?? cameras.configured(id).name);
    text(this.hud.model, state?.model ?? "");
    const frame = state?.frame ?? null;
    this.exposure = fresh ? (state?.exposure ?? null) : null;
    this.show(id, frame, state, entry);
    this.corners(frame);
    const interval = state?.run?.interval_s;
    const limit = fresh && interval && frame ? 2.5 * interval + frame.exposure_s : null;
    age($("#frame-age"), parse(frame?.taken_at), limit);
    this.advance();
  }

  corners(frame) {
    const { number, time, stats, settings } = this.hud;
    for (const corner of [number, time, stats, settings]) corner.hidden = !frame;
    if (!frame) return;
    text(number, `frame ${num(numberOf(frame))}`);
    text(time, local.time(parse(frame.taken_at), serverNow()));
    text(stats, frame.width ? `${frame.width} × ${frame.height} · ${bytes(frame.bytes)}` : bytes(frame.bytes));
    const words = [exposureText(frame.exposure_s)];
    if (frame.aperture_f) words.push(apertureText(frame.aperture_f));
    if (frame.gain !== null && frame.gain !== undefined) words.push(gainText(frame.gain, frame.gain_unit));
    text(settings, words.join(" · "));
  }

  show(id, frame, state, entry) {
    const address = pictureOf(id, frame, "preview");
    const full = $("#full");
    full.hidden = !address;
    attr(full, "href", address);
    const number = frame && numberOf(frame);
    this.newest.show(address, {
      label: frame ? `Newest frame of ${state.name}, number ${number}, ${local.time(parse(frame.taken_at))}` : "",
      reason: this.reason(frame, state, entry),
      failed: `The preview of frame ${number} could not be loaded.`,
    });
  }

  reason(frame, state, entry) {
    if (!entry) return "Waiting for the camera’s state";
    if (frame) return `Frame ${numberOf(frame)} has no preview.`;
    if (!state) return "No frame: the camera’s host does not answer.";
    return state.capturing ? "No frame yet. The first one is being taken." : "No frame yet.";
  }

  /** The exposure's progress; the one thing that moves by itself here. */
  advance() {
    if (!document.hidden) showProgress(this.bar, parse(this.exposure?.started_at), this.exposure?.duration_s);
  }
}
