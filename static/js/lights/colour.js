// Wheel, sliders and mode. What is wanted while a camera exposes waits, and is sent between frames.
import { $, $$, attr, make, text } from "../dom.js";
import { looks, slots } from "../looks.js";
import { Colours, ask } from "./api.js";
import { Wheel, mix } from "./wheel.js";

const PARTS = ["r", "g", "b"];
const SETTLED_MS = 1500;
const STOOD_MS = 400;
const UNHEARD_MS = 5000;

/** The brightness that a fixture comes back to out of the dark: the last that stood, not one passed on the way down. */
class Brightness {
  last = 255;
  #now = 0;
  #since = 0;

  note(colour) {
    const [level, now] = [Math.max(...colour), performance.now()];
    if (level === this.#now) return;
    if (this.#now && now - this.#since > STOOD_MS) this.last = this.#now;
    [this.#now, this.#since] = [level, now];
  }
}

export class Colour {
  constructor(page) {
    this.page = page;
    this.panel = $("#colour");
    this.facts = slots(this.panel);
    this.wanted = [0, 0, 0];
    this.touchedAt = -Infinity;
    this.waiting = false;
    this.colours = new Colours((code, detail) => this.#refused(code, detail));
    this.levels = new Map();
    this.wheel = new Wheel((hue, saturation) => this.#turned(hue, saturation));
    this.ranges = PARTS.map((part) => $(`[data-part=${part}]`));
    this.values = PARTS.map((part) => $(`[data-value=${part}]`));
    PARTS.forEach((_, n) => {
      this.ranges[n].addEventListener("input", () => this.#slid(this.ranges.map((range) => Number(range.value))));
      this.values[n].addEventListener("change", () => {
        this.#slid(this.values.map((field) => Math.max(0, Math.min(255, Math.round(Number(field.value)) || 0))));
      });
    });
    $("#fixture").addEventListener("change", () => {
      this.touchedAt = -Infinity;
      this.waiting = false;
      this.page.redraw();
    });
    for (const choice of $$("[name=mode]")) {
      choice.addEventListener("change", () => page.command("PUT", "/control/v1/lights/mode/", { mode: choice.value }));
    }
  }

  get fixture() {
    return $("#fixture").value;
  }

  /** The role of the fixture that is chosen. */
  get role() {
    return this.state?.fixtures.find(({ name }) => name === this.fixture)?.role ?? "main";
  }

  get level() {
    if (!this.levels.has(this.fixture)) this.levels.set(this.fixture, new Brightness());
    return this.levels.get(this.fixture);
  }

  /** The wheel keeps the brightness; out of the dark it brings the last one, else nobody would see the colour. */
  #turned(hue, saturation) {
    this.level.note(this.wanted);
    this.want(mix(hue, saturation, (Math.max(...this.wanted) || this.level.last) / 255));
  }

  #slid(colour) {
    this.wheel.show(colour);
    this.want(colour);
  }

  /** A person chose a colour. */
  want(colour) {
    if (!this.page.may()) return;
    if (this.state?.mode === "blackout" && colour.some(Boolean)) return this.#show(); // closed, see there
    this.wanted = colour;
    this.level.note(colour);
    this.touchedAt = performance.now();
    this.#send();
    this.#show();
  }

  /**
   * Everything goes dark: what was on its way is forgotten, what is on the socket already is overtaken there, what a fixture was
   * just asked for is darkened after it. A colour that is chosen next waits until the dark has been ordered.
   */
  blackout() {
    [this.wanted, this.touchedAt, this.pending] = [[0, 0, 0], -Infinity, null];
    this.waiting = false;
    this.level.note(this.wanted);
    this.colours.now(this.wanted);
    this.#show();
    const order = () => this.page.command("POST", "/blackout");
    this.ordered = Promise.all([order(), this.sending && this.asked?.then(order)]);
    this.colours.hold(this.ordered);
  }

  #send() {
    this.waiting = !!this.state?.interlock.enforced && this.wanted.some(Boolean);
    if (this.waiting) return;
    if (this.fixture === "main") this.colours.set(this.wanted);
    else this.#sendFixture();
  }

  /** Fixtures beside main go over the control API: one request at a time, the newest colour last. */
  async #sendFixture() {
    this.pending = [this.fixture, this.wanted];
    if (this.sending) return;
    this.sending = true;
    while (this.pending) {
      await this.ordered;
      const next = this.pending; // a blackout meanwhile leaves none
      this.pending = null;
      if (next) await (this.asked = this.#put(...next));
    }
    this.sending = false;
  }

  async #put(fixture, [r, g, b]) {
    try {
      await ask("PUT", `/control/v1/lights/fixtures/${fixture}/`, { colour: { r, g, b } });
      this.page.fault("");
    } catch (error) {
      this.page.fault(error.message);
    }
  }

  #refused(code, detail) {
    if (code === "interlocked") this.waiting = true; // the exposure began at this moment
    else if (code === "not_ready") this.unheard = true; // the headline says that the engine is away
    else this.page.fault(detail);
    this.page.redraw();
  }

  draw({ entry, state, linked }) {
    looks(this.panel, entry, linked);
    const before = this.state;
    this.state = state;
    if (!state) return;
    this.#fixtures(state);
    if (before?.interlock.enforced && !state.interlock.enforced && this.waiting) this.#send();
    if (this.unheard && state !== before && !entry.problem) {
      this.unheard = false;
      if (performance.now() - this.touchedAt < UNHEARD_MS) this.#send(); // the last point of a drag
    }
    const fixture = state.fixtures.find(({ name }) => name === this.fixture) ?? state.fixtures[0];
    this.lit = state.interlock.enforced && fixture.name !== "main" ? [0, 0, 0] : fixture.colour;
    // The hand on the slider knows better than the echo of what it sent a moment ago.
    if (!this.waiting && performance.now() - this.touchedAt > SETTLED_MS) {
      this.wanted = fixture.name === "main" && state.interlock.held ? state.interlock.held : fixture.colour;
      this.wheel.show(this.wanted);
      if (!state.fading) this.level.note(this.wanted);
    }
    for (const choice of $$("[name=mode]")) choice.checked = choice.value === state.mode;
    this.#show();
  }

  #fixtures(state) {
    const names = state.fixtures.map(({ name }) => name).join();
    if (names === this.names) return;
    this.names = names;
    const kept = this.fixture;
    $("#fixture").replaceChildren(...state.fixtures.map(({ name }) => make("option", { value: name }, label(name))));
    $("#fixture").value = names.split(",").includes(kept) ? kept : "main";
  }

  #show() {
    const { state } = this;
    const [red, none] = [state?.mode === "dark" && this.role !== "flat-panel", state?.mode === "blackout"];
    this.ranges.forEach((range, n) => {
      range.value = this.wanted[n];
      range.style.setProperty("--fill", `${(this.wanted[n] / 255) * 100}%`);
      if (document.activeElement !== this.values[n]) this.values[n].value = this.wanted[n];
      range.disabled = this.values[n].disabled = none || (red && n > 0) || !this.page.may(true);
    });
    this.wheel.off = red || none;
    this.facts.closed.hidden = !red && !none;
    const by = state?.modeBy === "sun" ? "the Sun’s altitude" : state?.modeBy;
    const what = none ? "all light is refused until another mode is chosen" : `green and blue are sent as 0, red is held at ${state?.maxRed} or less`;
    text(this.facts.closed, `${none ? "No light" : "Red only"}, set by ${by}: ${what}.`);
    const enforced = !!state?.interlock.enforced;
    text(this.facts["next-label"], enforced ? "After this frame" : "Wanted");
    swatch(this.facts["now-swatch"], this.lit);
    swatch(this.facts["next-swatch"], this.wanted);
    text(this.facts.now, this.lit ? this.lit.join(", ") : "–");
    text(this.facts.next, this.wanted.join(", "));
    attr(this.panel, "data-waiting", this.waiting);
  }
}

export const label = (name) => (name[0].toUpperCase() + name.slice(1)).replaceAll("-", " ");

/** Give a swatch its colour; the style sheet makes one of the parts. */
export function swatch(element, colour) {
  const [r, g, b] = colour ?? [0, 0, 0];
  element.style.setProperty("--r", r);
  element.style.setProperty("--g", g);
  element.style.setProperty("--b", b);
}
