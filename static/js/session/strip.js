// The frames of a session: evenly spread thumbnails under a time axis with every frame, event and gap.
import { local } from "../clock.js";
import { $, $$, attr, css, make, text } from "../dom.js";
import { num } from "../format.js";
import { slots } from "../looks.js";
import { ask } from "./ask.js";
import { thumb } from "./thumbs.js";

const WIDTH = 104;
const FEWEST = 8;
const INSET = 6;
const NEAR = 6;

export class Strip {
  /** `open(frame)` shows a frame large. */
  constructor(session, panel, open) {
    Object.assign(this, { session, panel, open, f: slots(panel), list: $("#thumbs"), canvas: $("#axis canvas"), events: [], gaps: [] });
    for (const choice of $$("[name=only]", panel)) choice.addEventListener("change", () => this.load());
    this.f.camera.addEventListener("change", () => this.load());
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.canvas.addEventListener("pointermove", (event) => this.named(event));
    addEventListener("skycam:theme", () => this.drawAxis());
    addEventListener("resize", () => this.drawAxis());
  }

  get words() {
    return { camera: this.f.camera.value, only: $("[name=only]:checked", this.panel).value };
  }

  cameras(cameras) {
    const names = cameras.map(({ name }) => name);
    this.f.camera.replaceChildren(make("option", { value: "" }, "All cameras"), ...names.map((name) => make("option", {}, name)));
    this.f.camera.hidden = names.length < 2;
  }

  async load() {
    const sample = Math.max(FEWEST, Math.min(48, Math.floor(this.list.clientWidth / WIDTH)));
    const answer = await ask(this.session, "frames", { ...this.words, sample });
    attr(this.panel, "aria-busy", null);
    text(this.f.all, `All ${num(answer.counts.all)}`);
    text(this.f.events, `At events ${num(answer.counts.events)}`);
    text(this.f.dropped, `Gone ${num(answer.counts.dropped)}`);
    this.f.dropped.parentElement.hidden = !answer.counts.dropped;
    this.list.replaceChildren(...answer.frames.map((frame) => thumb(this.session, frame, this.open)));
    if (!answer.frames.length) this.list.replaceChildren(make("li", { class: "empty" }, make("span", {}, answer.counts.all ? "None of the frames." : "No frames in this session.")));
    [this.first, this.last] = [answer.first_ms, answer.last_ms];
    if (this.words.only === "all" && !this.words.camera) this.whole = [answer.first_ms, answer.last_ms];
    this.total = answer.total;
    this.frames = answer.frames;
    this.drawAxis();
  }

  /** Events and gaps of the whole session, and its span; drawn with the frames. */
  marks(events, gaps, span) {
    Object.assign(this, { events, gaps, span });
    this.drawAxis();
  }

  /** What the axis spans: the session, and a first exposure that began before it. */
  get extent() {
    const { first, last, span, whole } = this;
    return span ? [Math.min(span[0], whole?.[0] ?? span[0]), span[1]] : [first, last];
  }

  drawAxis() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const [from, to] = this.extent;
    if (!width || !Number.isFinite(from) || !Number.isFinite(to)) return;
    const scale = devicePixelRatio;
    [canvas.width, canvas.height] = [width * scale, height * scale];
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const x = (ms) => INSET + ((ms - from) / Math.max(1, to - from)) * (width - 2 * INSET);
    this.placeKeogram(x);
    pen.font = `11px ${css("--font")}`;
    pen.fillStyle = css("--gap-hatch");
    for (const [begin, end] of this.gaps) pen.fillRect(x(begin), 16, Math.max(2, x(end) - x(begin)), height - 30);
    this.drawHours(pen, x, from, to, height);
    pen.fillStyle = css("--accent");
    if (Number.isFinite(this.first)) pen.fillRect(x(this.first), height - 20, Math.max(2, x(this.last) - x(this.first)), 3);
    for (const frame of this.frames ?? []) pen.fillRect(x(frame.time_ms) - 0.5, height - 26, 1.5, 9);
    pen.fillStyle = css("--warn");
    for (const { time_ms } of this.events) {
      pen.beginPath();
      pen.moveTo(x(time_ms), 14);
      pen.lineTo(x(time_ms) - 3.5, 6);
      pen.lineTo(x(time_ms) + 3.5, 6);
      pen.fill();
    }
    const many = (n, word) => `${num(n)} ${word}${n === 1 ? "" : "s"}`;
    attr(canvas, "aria-label", `${local.time(from)} to ${local.time(to)}: ${many(this.total ?? 0, "frame")}, ${many(this.events.length, "event")}, ${many(this.gaps.length, "gap")}`);
  }

  /** Under the keogram stands its time: from the first frame to the last, or to when it was made while frames still come. */
  placeKeogram(x) {
    const image = $(".keo img", this.panel);
    if (!image || !Number.isFinite(this.whole?.[0])) return;
    const [first, last] = this.whole;
    const left = x(first);
    image.style.left = `${left}px`;
    image.style.width = `${Math.max(2, x(Math.min(last, image.dataset.made * 1000)) - left)}px`;
  }

  drawHours(pen, x, from, to, height) {
    const steps = [60e3, 300e3, 900e3, 3600e3, 2 * 3600e3, 6 * 3600e3, 86400e3];
    const step = steps.find((ms) => x(from + ms) - x(from) > 60) ?? steps.at(-1);
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      pen.fillStyle = css("--line");
      pen.fillRect(x(at), 16, 1, height - 30);
      pen.fillStyle = css("--text-2");
      const words = local.time(at).slice(0, 5);
      pen.fillText(words, Math.min(Math.max(2, x(at) - 14), x(to) - 22), height - 3);
    }
  }

  /** The events near the pointer, by name. */
  named(event) {
    const [from, to] = this.extent;
    const box = this.canvas.getBoundingClientRect();
    const ms = (px) => (px / (box.width - 2 * INSET)) * (to - from);
    const at = from + ms(event.clientX - box.left - INSET);
    const near = this.events.filter(({ time_ms }) => Math.abs(time_ms - at) < ms(NEAR));
    this.canvas.title = near.slice(0, 5).map(({ time_ms, event: name }) => `${local.time(time_ms)} ${name.replaceAll("_", " ")}`).join("\n");
  }

  /** A press on the axis opens the frame that is nearest to that moment. */
  async clicked(event) {
    const [from, to] = this.extent;
    const box = this.canvas.getBoundingClientRect();
    this.at(from + ((event.clientX - box.left - INSET) / (box.width - 2 * INSET)) * (to - from));
  }

  /** Open the frame nearest to a moment: narrowed down by a few questions, whatever the number of frames. */
  async at(ms) {
    let [low, high] = [0, (this.total ?? 0) - 1];
    if (high < 0) return;
    let best = null;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { frames } = await ask(this.session, "frames", { ...this.words, offset: middle, limit: 1 });
      const frame = frames[0];
      if (!frame) break;
      if (!best || Math.abs(frame.time_ms - ms) < Math.abs(best.time_ms - ms)) best = frame;
      if (frame.time_ms < ms) low = middle + 1;
      else high = middle - 1;
    }
    if (best) this.open(best);
  }
}
