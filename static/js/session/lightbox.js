// One frame, large: keyboard, neighbours of the same camera, stretch, downloads.
import { local, serverNow } from "../clock.js";
import { $, $$, attr, make, text } from "../dom.js";
import { bytes, decText, exposureText, num, raText } from "../format.js";
import { slots } from "../looks.js";
import { ask, pictureOf } from "./ask.js";

/** What was known when a frame was taken, as [name, value]. */
export function frameFacts(frame) {
  const known = (name, words) => (frame[name] === undefined || frame[name] === null ? null : words(frame[name]));
  return [
    ["Exposure", known("exposure_s", exposureText)],
    ["Gain", known("gain", (x) => num(x))],
    ["Sensor", known("sensor_temp_c", (x) => `${num(x, 1)} °C`)],
    ["Filter", known("filter", String)],
    ["RA", known("ra_deg", (x) => raText(x / 15))],
    ["Dec", known("dec_deg", decText)],
    ["Altitude", known("alt_deg", (x) => `${num(x, 1)}°`)],
    ["Azimuth", known("az_deg", (x) => `${num(x, 1)}°`)],
    ["Focus", known("focus_pos", (x) => `${num(x)} steps`)],
    ["File", known("file_name", String)],
    ["Size", known("bytes", bytes)],
  ].filter(([, value]) => value !== null);
}

export class Lightbox {
  constructor(element, withSession = false) {
    [this.element, this.f, this.withSession] = [element, slots(element), withSession];
    this.f.close.addEventListener("click", () => element.close());
    this.f.previous.addEventListener("click", () => this.go("previous"));
    this.f.next.addEventListener("click", () => this.go("next"));
    for (const choice of $$("[name=stretch]", element)) choice.addEventListener("change", () => this.shown && this.draw(this.shown));
    element.addEventListener("keydown", (event) => this.key(event));
    this.f.image.addEventListener("load", () => this.f.image.complete && this.pictured(true));
    this.f.image.addEventListener("error", () => this.pictured(false));
  }

  key(event) {
    if (event.target.matches("[name=stretch]")) return;
    const step = { ArrowLeft: "previous", ArrowRight: "next" }[event.key];
    if (!step) return;
    event.preventDefault();
    this.go(step);
  }

  go(step) {
    const index = this.shown?.[step];
    if (index !== null && index !== undefined) this.open(this.session, { camera: this.shown.frame.camera, index });
  }

  /** Show one frame of a session. */
  async open(session, { camera, index }) {
    this.session = session;
    this.wanted = `${session}/${camera}/${index}`;
    const wanted = this.wanted;
    if (!this.element.open) {
      this.f.image.hidden = true;
      this.missing("Loading");
      this.element.showModal();
    }
    try {
      const answer = await ask(session, `frames/${camera}/${index}`);
      if (wanted === this.wanted) this.draw(answer);
    } catch (error) {
      if (wanted === this.wanted) this.missing(error.message);
    }
  }

  draw(answer) {
    this.shown = answer;
    const { frame } = answer;
    const [f, session] = [this.f, this.session];
    text(f.title, `${frame.camera}, frame ${frame.index}, ${local.time(frame.time_ms, serverNow())}`);
    text(f.place, `${num(answer.place + 1)} of ${num(answer.total)}`);
    for (const step of ["previous", "next"]) attr(f[step], "aria-disabled", answer[step] === null ? "true" : null);
    f.facts.replaceChildren(...frameFacts(frame).map(([name, value]) => make("div", {}, make("dt", { class: "sr" }, name), make("dd", {}, `${name} ${value}`))));
    const stretch = $("[name=stretch]:checked", this.element).value;
    attr(f.session, "href", `/sessions/${session}/`);
    f.session.hidden = !this.withSession;
    for (const link of [f.png, f.original, f.fits]) link.hidden = frame.dropped;
    attr(f.png, "href", pictureOf(session, frame, "full", "png", stretch));
    attr(f.png, "download", `${session}_${frame.camera}_${String(frame.index).padStart(5, "0")}.png`);
    attr(f.original, "href", `/sessions/${session}/frames/${frame.camera}/${frame.index}/original/`);
    if (frame.form !== "original") f.original.hidden = true;
    if (answer.running) f.fits.hidden = true;
    attr(f.fits, "href", `/sessions/${session}/frames/${frame.camera}/${frame.index}/fits/`);
    if (frame.dropped) return this.missing("This frame is gone: it was given up or lost.");
    f.image.alt = `Frame ${frame.index} of ${frame.camera}`;
    this.missing("Loading");
    f.image.src = pictureOf(session, frame, "large", "jpg", stretch);
    this.ahead(session, answer, stretch);
  }

  /** The pictures on either side, so that the next key press shows one at once. */
  ahead(session, { frame, previous, next }, stretch) {
    for (const index of [previous, next]) {
      if (index !== null) new Image().src = pictureOf(session, { camera: frame.camera, index }, "large", "jpg", stretch);
    }
  }

  pictured(good) {
    this.f.image.hidden = !good;
    if (good) this.f.missing.parentElement.hidden = true;
    else if (this.shown) this.missing("This frame cannot be shown as a picture. Its file can be downloaded.");
  }

  missing(words) {
    text(this.f.missing, words);
    this.f.missing.parentElement.hidden = false;
  }
}
