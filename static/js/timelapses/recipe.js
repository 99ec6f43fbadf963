// What the form asks for, as a recipe: only what differs from the standard, so that a profile's values stand.
import { $, $$, make } from "../dom.js";

const FORMATS = JSON.parse($("#formats-data").textContent);
const PRESETS = JSON.parse($("#presets-data").textContent);
const OUTPUT = ["preset", "crf", "bits", "size", "hardware"];
const MOMENT = ["at", "zoom", "x", "y", "exposure_ev", "temperature_k", "tint", "speed"];
const FISHEYE = ["panorama", "straight"];

/** A value that is not what is allowed; `field` as the API would name it. */
export class WrongError extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

export function number(words, field) {
  const value = Number(words.trim().replace(",", ".").replace("−", "-"));
  if (!words.trim() || Number.isNaN(value)) throw new WrongError(`${words.trim() || "Nothing"} is not a number.`, field);
  return value;
}

/** The recipe of the form; a logo's name is what `send` gives for its file. Throws `WrongError`. */
export async function recipe(root, send) {
  const flat = {};
  for (const input of $$("[data-path]", root)) {
    if (input.closest("[hidden]:not(form)")) continue; // of another choice
    const { path, kind } = input.dataset;
    if (kind === "switch") {
      if (input.checked !== input.defaultChecked) flat[path] = input.checked;
    } else if (kind === "select") {
      if (!$("option:checked", input)?.defaultSelected && input.value !== "") flat[path] = input.value;
    } else if (kind === "logo") {
      if (input.files.length) flat[path] = await send(input.files[0]);
    } else if (input.value.trim() !== input.defaultValue) {
      if (kind === "text") flat[path] = input.value.trim();
      else if (input.value.trim() || input.defaultValue) flat[path] = number(input.value, path);
    }
  }
  const made = { stabilise: $("#stabilise").value, fps: number($("#fps").value, "fps"), outputs: [output(flat), ...also(root)] };
  if ($("#profile").value) made.profile = $("#profile").value;
  for (const [path, value] of Object.entries(flat)) if (!OUTPUT.includes(path)) put(made, path, value);
  if (made.overlay && !made.overlay.text && !made.overlay.logo) delete made.overlay;
  else if (made.overlay) made.overlay.zone ??= $("#r-overlay-zone").value.trim();
  if (made.turn) made.turn = Number(made.turn);
  lens(made, flat);
  moments(made, root);
  return made;
}

/** The first file: a format by its name, or with what was changed about it. */
function output(flat) {
  const name = $("#format").value;
  const changed = OUTPUT.filter((path) => path in flat);
  if (!changed.length) return name;
  const made = { name, ...FORMATS[name] };
  for (const path of changed) made[path] = flat[path];
  if ("bits" in flat) made.bits = Number(flat.bits);
  if ("size" in flat) made.size = flat.size.split("x").map(Number);
  return made;
}

const also = (root) => $$("[data-also]:checked", root).map(({ value }) => value).filter((value) => value !== $("#format").value);

function put(made, path, value) {
  const parts = path.split(".");
  const last = parts.pop();
  const home = parts.reduce((one, part) => (one[part] = typeof one[part] === "object" ? one[part] : {}), made);
  home[last] = value;
}

function lens(made, flat) {
  if (!FISHEYE.includes(flat.lens)) return flat.lens ? (made.lens = flat.lens) : delete made.lens;
  const values = Object.entries(flat).filter(([path]) => path.startsWith("lens."));
  made.lens = { kind: "fisheye", view: flat.lens, ...Object.fromEntries(values.map(([path, value]) => [path.slice(5), value])) };
}

function moments(made, root) {
  const frames = [];
  const points = [];
  for (const row of $$("#moments tbody tr", root)) {
    const given = {};
    for (const input of $$("input", row)) {
      const { moment } = input.dataset;
      if (moment === "at" || input.value.trim()) given[moment] = number(input.value, `key_frames.${moment}`);
    }
    const { speed, ...rest } = { ...given, at: given.at / 100 };
    if (speed !== undefined) points.push([rest.at, speed]);
    if (Object.keys(rest).length > 1) frames.push(rest);
  }
  if (frames.length || $("#profile").value) made.key_frames = frames; // none of a profile's either, when its rows were removed
  if (points.length) put(made, "speed.points", points.sort((one, other) => one[0] - other[0]));
}

/** Another row of the table of moments, with a profile's values or empty and ready for one's own. */
export function addMoment(root, given = null) {
  const body = $("#moments tbody", root);
  const names = $$("#moments th", root).map((head) => head.textContent.trim());
  const count = body.children.length;
  const cell = (name, at) => {
    const input = make("input", { class: "input num", inputmode: "decimal", autocomplete: "off", "data-moment": name, "aria-label": `${names[at]}, moment ${count + 1}` });
    if (name === "at") input.defaultValue = String(given ? given.at * 100 : count ? 100 : 0);
    else if (given && name in given) input.defaultValue = String(given[name]);
    return make("td", {}, input);
  };
  const away = make("button", { class: "btn quiet", type: "button" }, "Remove");
  const row = make("tr", {}, ...MOMENT.map(cell), make("td", {}, away));
  away.addEventListener("click", () => row.remove());
  body.append(row);
  if (!given) $("input", row).focus();
  return row;
}

/** Offer what the chosen format's codec has. */
export function fitEncoder() {
  const { codec } = FORMATS[$("#format").value];
  const select = $("#r-preset");
  const kept = select.value;
  const standard = $("option", select);
  select.replaceChildren(standard, ...(PRESETS[codec] ?? []).map((name) => make("option", { value: name }, codec === "av1" ? `${name} of 0 (slow) to 13` : name)));
  if ((PRESETS[codec] ?? []).includes(kept)) select.value = kept;
}

export const isFisheye = (value) => FISHEYE.includes(value);
