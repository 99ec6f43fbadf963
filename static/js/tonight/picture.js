// The newest frame of the selected camera with its corners. A frame that is missing is hatched and says why;
// it never borrows the frame of another camera.
import { age, local, serverNow } from "../clock.js";
import { $, attr, text } from "../dom.js";
import { apertureText, bytes, exposureText, gainText, num, parse } from "../format.js";
import { looks, slots } from "../looks.js";

const STEP_MS = 250;

/** The address of a frame's picture: `kind` is preview or thumbnail. */
export function pictureOf(camera, frame, kind) {
  const name = frame[kind];
  return name ? `/cameras/${encodeURIComponent(camera)}/${kind}/${encodeURIComponent(name)}` : null;
}

/** A frame's number in its run; a single frame has only the one in its session. */
const numberOf = ({ number, id }) => number ?? Number(/\d+$/.exec(id)?.[0] ?? Number.NaN);

export class Picture {
  constructor() {
    this.panel = $("#now");
    this.image = $("#frame");
    this.missing = $("#missing");
    this.bar = $("#exposing");
    this.hud = slots(this.panel);
    this.shown = null;
    this.wanted = null;
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

  /** Load beside the page, then replace in place: no empty moment between two frames. */
  async show(id, frame, state, entry) {
    const address = frame ? pictureOf(id, frame, "preview") : null;
    const full = $("#full");
    full.hidden = !address;
    if (!address) {
      this.wanted = this.shown = null;
      this.image.hidden = true;
      this.missing.hidden = false;
      text(this.missing.firstElementChild, this.reason(frame, state, entry));
      return;
    }
    attr(full, "href", address);
    const label = `Newest frame of ${state.name}, number ${numberOf(frame)}, ${local.time(parse(frame.taken_at))}`;
    if (this.wanted === address) return;
    this.wanted = address;
    const next = new Image();
    next.src = address;
    try {
      await next.decode();
    } catch {
      if (this.wanted !== address) return;
      this.shown = null;
      this.image.hidden = true;
      this.missing.hidden = false;
      text(this.missing.firstElementChild, `The preview of frame ${numberOf(frame)} could not be loaded.`);
      return;
    }
    if (this.wanted !== address) return; // a newer frame came first
    this.shown = address;
    this.image.src = address;
    this.image.alt = label;
    this.image.hidden = false;
    this.missing.hidden = true;
  }

  reason(frame, state, entry) {
    if (!entry) return "Waiting for the camera’s state";
    if (frame) return `Frame ${numberOf(frame)} has no preview.`;
    if (!state) return "No frame: the camera’s host does not answer.";
    return state.capturing ? "No frame yet. The first one is being taken." : "No frame yet.";
  }

  /** The exposure's progress; the one thing that moves by itself here. */
  advance() {
    if (document.hidden) return;
    const begun = parse(this.exposure?.started_at);
    this.bar.hidden = !Number.isFinite(begun);
    if (this.bar.hidden) return;
    const part = Math.min(1, Math.max(0, (serverNow() - begun) / 1000 / (this.exposure.duration_s || 1)));
    this.bar.style.setProperty("--p", `${(part * 100).toFixed(1)}%`);
    attr(this.bar, "aria-valuenow", Math.round(part * 100));
  }
}
