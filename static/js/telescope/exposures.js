// One exposure at a time, with what the camera offers.
import { serverNow } from "../clock.js";
import { Commands, VIEWER } from "../commands.js";
import { $, attr, icon, make, status, text } from "../dom.js";
import { exposureText, num, span } from "../format.js";
import { looks, slots } from "../looks.js";
import { showProgress } from "../newest.js";
import { allOf, begun, exposing, unable } from "./state.js";

const STEP_MS = 250;
/** Offered before the first exposure: the nearest the telescope has. */
const USUAL = { exposure_s: 15, gain: 60 };
const PHASES = { idle: ["off", "Idle"], waiting: ["busy", "Begins"], exposing: ["busy", "Exposing"], downloading: ["busy", "Downloading"] };
const JOBS = { idle: "", waiting: "The telescope gets ready", exposing: "Exposing", downloading: "The frame is on its way" };

/** A select that follows the telescope until somebody chooses. */
class Choice {
  constructor(id, change) {
    this.select = $(`#${id}`);
    this.hint = $(`#${id}-hint`);
    this.chosen = false;
    this.made = "";
    this.select.addEventListener("change", () => {
      this.chosen = true;
      this.refuse("");
      change();
    });
  }

  /** `options`: [value, words]; `value` is the telescope's own. */
  draw(options, value, locked) {
    const made = JSON.stringify(options);
    if (made !== this.made) {
      const kept = this.chosen ? this.select.value : null;
      this.made = made;
      this.select.replaceChildren(...options.map(([of, words]) => make("option", { value: of }, words)));
      if (kept !== null) this.select.value = kept;
    }
    this.select.disabled = locked || !options.length;
    if (this.chosen) return;
    const index = options.findIndex(([of]) => typeof value === "number" && Math.abs(of - value) <= 1e-3 * Math.abs(value));
    if (this.select.selectedIndex !== index) this.select.selectedIndex = index;
  }

  /** The chosen value, or null, saying that one is needed. */
  read() {
    if (this.select.value !== "") return Number(this.select.value);
    this.refuse("Choose one of the list.");
    return null;
  }

  refuse(words) {
    attr(this.select, "aria-invalid", words ? "true" : null);
    this.hint.className = words ? "err" : "hint";
    this.hint.replaceChildren(...(words ? [icon("x"), words] : []));
  }
}

const nearest = (values, wanted) => [...(values ?? [])].sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0];

export class Exposures {
  constructor({ base, changed }) {
    this.panel = $("#expo");
    this.facts = slots(this.panel);
    this.bar = $(".progress", this.panel);
    [this.exposure, this.gain, this.filter] = ["exposure", "gain", "filter"].map((id) => new Choice(id, changed));
    const fields = { exposure_s: this.exposure, gain: this.gain, position: this.filter };
    const refused = (error) => {
      fields[error.field]?.refuse(error.message);
      return error.field in fields;
    };
    this.commands = new Commands(this.panel, $("#expo-why"), base, {
      expose: { path: "expose", done: "Exposing", body: () => this.wanted(), refused },
      abort: { path: "abort-exposure", done: "Aborted" },
      filter: { path: "filter", done: "The filter turns", body: () => this.position(), refused },
    }, changed);
    setInterval(() => this.advance(), STEP_MS);
  }

  draw({ entry, state, linked, connected, fresh }) {
    looks(this.panel, entry, linked);
    const { camera, filters } = state ?? {};
    this.camera = fresh ? camera : null;
    const phase = !entry || !fresh ? ["stale", entry ? "Not live" : "No data"] : connected ? PHASES[camera.phase] : ["off", "Not connected"];
    status(this.facts.phase, ...phase);
    this.exposure.draw((camera?.exposures_s ?? []).map((seconds) => [seconds, exposureText(seconds)]), camera?.exposure_s ?? nearest(camera?.exposures_s, USUAL.exposure_s), VIEWER);
    this.gain.draw((camera?.gains ?? []).map((gain) => [gain, num(gain)]), camera?.gain ?? nearest(camera?.gains, USUAL.gain), VIEWER);
    this.filter.draw((filters?.names ?? []).map((name, index) => [index, name]), connected ? filters.position : null, VIEWER);
    this.buttons(entry, state);
    this.advance();
  }

  buttons(entry, state) {
    const reason = unable(entry);
    const why = reason ? allOf(["expose", "abort", "filter"], reason) : {};
    if (!reason) {
      const { camera, filters, mount } = state;
      if (!exposing(state)) why.abort = "Nothing to abort.";
      else Object.assign(why, allOf(["expose", "filter"], "An exposure is being taken."));
      if (filters.position === -1) Object.assign(why, allOf(["expose", "filter"], "The filter wheel turns."));
      else if (Number(this.filter.select.value) === filters.position) why.filter ??= "This filter is in the light.";
      if (mount.slewing || mount.calibrating) why.expose ??= "The telescope moves.";
      if (mount.parked) why.expose ??= "Parked: unpark first.";
      if (!camera.exposures_s.length) why.expose ??= "The camera has not told what it can do.";
    }
    this.commands.refuse(why);
  }

  wanted() {
    const body = { exposure_s: this.exposure.read(), gain: this.gain.read() };
    return Object.values(body).includes(null) ? null : body;
  }

  position() {
    const position = this.filter.read();
    this.filter.chosen = false;
    return position === null ? null : { position };
  }

  /** Progress by the clock while light is taken; the other phases have no known end. */
  advance() {
    if (document.hidden) return;
    const start = begun(this.camera);
    showProgress(this.bar, start, this.camera?.exposure_s);
    text(this.facts.job, JOBS[this.camera?.phase] ?? "");
    const left = Math.max(0, Math.ceil(this.camera?.exposure_s - (serverNow() - start) / 1000));
    text(this.facts.left, Number.isFinite(left) ? `${span(left)} left` : "");
  }
}
