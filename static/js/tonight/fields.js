// The settings of a run, made from what the camera can do: a list becomes a select, a range a field with its limits.
// A shutter that can be held open offers round times beyond its list as well.
// Until somebody edits, the fields follow the camera; then they keep what was typed until the run starts.
import { attr, icon, make, text } from "../dom.js";
import { apertureText, exposure, exposureText, num } from "../format.js";

const INTERVAL = { minimum: 0.2, maximum: 86400 };
const BULB = [45, 60, 90, 120, 180, 240, 300, 600, 900, 1200, 1800, 3600];

/** "1/250", "0.5", "0,5" or "30" as a number; NaN for anything else. */
export function readNumber(words) {
  const match = /^\s*(?:1\s*\/\s*(\d+(?:[.,]\d+)?)|(\d*[.,]?\d+|\d+[.,]))\s*(?:s|″|")?\s*$/i.exec(words);
  if (!match) return Number.NaN;
  const value = Number((match[1] ?? match[2]).replace(",", "."));
  return match[1] ? 1 / value : value;
}

const KINDS = [
  { name: "interval_s", label: "Interval", unit: "s", show: (v) => String(Number(v.toFixed(1))), limit: (v) => num(v, v % 1 ? 1 : 0) },
  { name: "exposure_s", label: "Exposure", unit: "s", of: "exposure", show: (v) => exposure(v)[0], option: exposureText },
  { name: "gain", label: "ISO", unit: "", of: "gain", show: (v) => String(v), option: (v) => num(v) },
  { name: "aperture_f", label: "Aperture", unit: "", of: "aperture", show: (v) => String(v), option: apertureText },
];

const limits = ({ limit, show, unit }, { minimum, maximum }) =>
  `${(limit ?? show)(minimum)} to ${(limit ?? show)(maximum)} ${unit}`.trim();

/** The values to choose from, or none for a range. */
function offered({ values = [], bulb, bulb_max: longest }) {
  if (!values.length || !bulb) return values;
  const last = Math.max(...values);
  return [...values, ...BULB.filter((seconds) => seconds > last && seconds <= (longest ?? Infinity))];
}

export class Fields {
  constructor(form) {
    this.form = form;
    this.made = "";
    this.rows = [];
  }

  draw(state, { id, interval, locked }) {
    if (this.id !== id) [this.id, this.interval] = [id, interval];
    if (state?.run?.interval_s) this.interval = state.run.interval_s;
    const capabilities = state?.capabilities ?? {};
    const made = JSON.stringify([id, capabilities]);
    if (made !== this.made) this.make(made, capabilities);
    for (const row of this.rows) {
      row.input.disabled = locked;
      row.value = row.kind.of ? state?.settings?.[row.kind.name] : this.interval;
      if (!row.dirty) this.put(row, row.value);
    }
  }

  make(made, capabilities) {
    this.made = made;
    this.rows = [];
    for (const kind of KINDS) {
      const can = kind.of ? capabilities[kind.of] : INTERVAL;
      if (can) this.rows.push(this.row(kind, can, (kind.name === "gain" && can.unit) || kind.label));
    }
    this.form.replaceChildren(...this.rows.map(({ box }) => box), make("button", { type: "submit", hidden: true }));
  }

  row(kind, can, label) {
    const id = `set-${kind.name}`;
    const values = offered(can);
    const listed = values.length > 0;
    const input = listed ? make("select", { class: "input", id }) : make("input", { class: "input", id, inputmode: "decimal", autocomplete: "off" });
    for (const value of values) input.append(make("option", { value }, kind.option(value)));
    const hint = make("span", { class: "hint", id: `${id}-hint` }, listed ? "" : limits(kind, can));
    attr(input, "aria-describedby", hint.id);
    const row = { kind, can, listed, input, hint, allowed: hint.textContent, dirty: false };
    input.addEventListener("input", () => {
      row.dirty = true;
      this.mark(row, "");
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !row.dirty) return;
      row.dirty = false;
      this.mark(row, "");
      this.put(row, row.value);
      input.dispatchEvent(new Event("skycam:undone", { bubbles: true }));
    });
    const held = listed ? input : make("span", { class: "with-unit" }, input, make("span", { class: "u" }, kind.unit));
    row.box = make("div", { class: "field" }, make("label", { for: id }, label), held, hint);
    return row;
  }

  put(row, value) {
    const known = typeof value === "number";
    if (!row.listed) {
      const shown = known ? row.kind.show(value) : "";
      if (row.input.value !== shown) row.input.value = shown;
      return;
    }
    // The nearest offered value; floats that went through JSON twice are not equal to the last bit.
    const near = (option) => Math.abs(Number(option.value) - value) <= 1e-3 * Math.abs(value);
    const index = known ? [...row.input.options].findIndex(near) : -1;
    if (row.input.selectedIndex !== index) row.input.selectedIndex = index;
  }

  /** The values for a command, or null when one is not allowed; the field then says what is. */
  read(command) {
    const body = {};
    let wrong = null;
    for (const row of this.rows) {
      if (command === "single" && !row.kind.of) continue;
      const untold = row.value === null || row.value === undefined;
      if (row.input.value === "" && untold) continue; // the camera does not tell and nobody chose
      const value = row.listed ? Number(row.input.value) : readNumber(row.input.value);
      const allowed = row.listed || (value >= row.can.minimum && value <= row.can.maximum);
      this.mark(row, allowed ? "" : `A number, ${row.allowed}.`);
      if (!allowed) wrong ??= row;
      body[row.kind.name] = value;
    }
    wrong?.input.focus();
    return wrong ? null : body;
  }

  /** Show the API's refusal at its field. Returns whether that field is on the page. */
  refuse(name, words) {
    const row = this.rows.find(({ kind }) => kind.name === name);
    if (!row) return false;
    this.mark(row, words);
    row.input.focus();
    return true;
  }

  /** Whether somebody edited a field since the last command. */
  get dirty() {
    return this.rows.some((row) => row.dirty);
  }

  clean() {
    for (const row of this.rows) row.dirty = false;
  }

  mark({ input, hint, allowed }, error) {
    attr(input, "aria-invalid", error ? "true" : null);
    hint.className = error ? "err" : "hint";
    if (error) hint.replaceChildren(icon("x"), error);
    else text(hint, allowed);
  }
}
