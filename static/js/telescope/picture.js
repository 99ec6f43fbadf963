// The newest frame on a canvas, with black, middle and white point set by hand. All of it happens in the browser: the preview
// stays as the server made it.
import { age, local, serverNow } from "../clock.js";
import { $, attr, text } from "../dom.js";
import { parse, span } from "../format.js";
import { looks, slots } from "../looks.js";
import { Newest, pictureOf, showProgress } from "../newest.js";
import { Histogram } from "./histogram.js";
import { begun, settingsText } from "./state.js";

const STEP_MS = 250;
const STANDARD = { black: 0, middle: 0.5, white: 255 };

/** What becomes of each of the 256 values; `middle` is where what lies halfway between black and white comes to lie. */
export function curve({ black, middle, white }) {
  const power = Math.log(middle) / Math.log(0.5);
  const range = Math.max(1, white - black);
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => 255 * Math.min(1, Math.max(0, (value - black) / range)) ** power);
}

export class Picture {
  constructor({ number }) {
    this.number = number;
    this.panel = $("#tube");
    this.facts = slots(this.panel);
    this.canvas = $(".pan > canvas", this.panel);
    this.bar = $(".progress", this.panel);
    this.histogram = new Histogram($(".hist", this.panel));
    this.newest = new Newest($(".missing", this.panel), (image, label) => this.put(image, label));
    this.sliders = Object.fromEntries(Object.keys(STANDARD).map((name) => [name, $(`#${name}`)]));
    for (const slider of Object.values(this.sliders)) slider.addEventListener("input", () => this.stretch());
    this.facts.reset.addEventListener("click", () => {
      for (const [name, value] of Object.entries(STANDARD)) this.sliders[name].value = value;
      this.stretch();
    });
    this.toggle(this.facts.cross, (on) => ($(".over", this.panel).toggleAttribute("hidden", !on)));
    this.toggle(this.facts.zoom, (on) => this.zoom(on));
    this.stretch();
    setInterval(() => this.advance(), STEP_MS);
  }

  toggle(button, act) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      attr(button, "aria-pressed", String(on));
      act(on);
    });
  }

  /** Pixels of the preview one to one, its middle first; or the whole of it. */
  zoom(on) {
    attr(this.panel, "data-zoom", on);
    const pan = this.canvas.parentElement;
    pan.scrollTo((pan.scrollWidth - pan.clientWidth) / 2, (pan.scrollHeight - pan.clientHeight) / 2);
    $(".over", this.panel).toggleAttribute("hidden", on || this.facts.cross.getAttribute("aria-pressed") !== "true");
    attr(this.facts.cross, "disabled", on);
    this.size();
  }

  draw({ entry, state, linked, fresh }) {
    looks(this.panel, entry, linked);
    const frame = state?.frame ?? null;
    this.frame = frame;
    this.camera = fresh ? state.camera : null;
    const target = frame?.target || "no target";
    this.newest.show(pictureOf(`telescope-${this.number}`, frame, "preview"), {
      label: frame ? `Newest frame: ${target}, ${local.time(parse(frame.taken_at))}` : "",
      reason: this.reason(entry, state),
      failed: "The preview of the newest frame could not be loaded.",
    });
    for (const corner of ["when", "settings", "size"]) this.facts[corner].hidden = !frame;
    age(this.facts.age, parse(frame?.taken_at));
    if (frame) {
      text(this.facts.when, `${target} · ${local.time(parse(frame.taken_at), serverNow())}`);
      text(this.facts.settings, settingsText(frame));
      this.size();
    }
    this.advance();
  }

  size() {
    const zoomed = this.panel.hasAttribute("data-zoom");
    text(this.facts.size, zoomed ? "1 : 1" : this.frame ? `${this.frame.width} × ${this.frame.height}` : "");
  }

  reason(entry, state) {
    if (!entry) return "Waiting for the telescope’s state";
    if (!state) return "No frame: the telescope’s host does not answer.";
    if (state.frame) return "The newest frame has no preview.";
    return begun(state.camera) ? "No frame yet. The first one is being taken." : "No frame yet.";
  }

  /** A loaded preview, or none. Its pixels are read once; the sliders only look values up. */
  put(image, label) {
    this.canvas.hidden = !image;
    attr(this.canvas, "aria-label", label || "No frame yet");
    if (!image) {
      this.source = null;
      this.histogram.draw(null, this.points);
      return;
    }
    [this.canvas.width, this.canvas.height] = [image.naturalWidth, image.naturalHeight];
    const pen = this.canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    this.source = pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    this.paint();
  }

  /** After a slider: black stays below white; drawn with the next animation frame. */
  stretch() {
    const { black, middle, white } = this.sliders;
    if (Number(black.value) > Number(white.value) - 5) black.value = Number(white.value) - 5;
    this.points = { black: Number(black.value), middle: Number(middle.value), white: Number(white.value) };
    this.curve = curve(this.points);
    for (const slider of Object.values(this.sliders)) {
      slider.style.setProperty("--fill", `${((slider.value - slider.min) / (slider.max - slider.min)) * 100}%`);
    }
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
    });
  }

  paint() {
    this.histogram.draw(this.source, this.points);
    if (!this.source) return;
    const [from, to, table] = [this.source.data, new Uint8ClampedArray(this.source.data), this.curve];
    for (let at = 0; at < from.length; at += 4) {
      to[at] = table[from[at]];
      to[at + 1] = table[from[at + 1]];
      to[at + 2] = table[from[at + 2]];
    }
    this.canvas.getContext("2d").putImageData(new ImageData(to, this.source.width), 0, 0);
  }

  advance() {
    if (document.hidden) return;
    const start = begun(this.camera);
    showProgress(this.bar, start, this.camera?.exposure_s);
    const left = Math.ceil(this.camera?.exposure_s - (serverNow() - start) / 1000);
    this.facts.left.hidden = !Number.isFinite(left);
    text(this.facts.left, `${span(Math.max(0, left))} left`);
  }
}
