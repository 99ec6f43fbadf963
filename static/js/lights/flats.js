// Flats: camera, panel and number wanted; every picture of the run as it comes.
import { $, attr, make, status, text } from "../dom.js";
import { slots } from "../looks.js";

const WORDS = { searching: "Searching", taking: "Taking flats", done: "Done", failed: "Failed", stopped: "Stopped" };
const LOOKS = { searching: "busy", taking: "busy", done: "ok", failed: "fault", stopped: "off" };

export class Flats {
  constructor(page, live) {
    this.page = page;
    this.live = live;
    this.panel = $("#flats");
    this.facts = slots(this.panel);
    $("#take-flats").addEventListener("submit", (event) => {
      event.preventDefault();
      const order = { camera: $("#flats-camera").value, mode: $("#flats-mode").value, frames: Number($("#flats-frames").value) };
      page.command("POST", "/control/v1/flats/", order);
    });
    $("#flats-stop").addEventListener("click", () => page.command("DELETE", "/control/v1/flats/"));
  }

  draw({ state, linked }) {
    const observatory = this.live.devices.get("observatory");
    this.cameras();
    const flats = observatory?.state?.flats ?? null;
    const known = linked && observatory && !observatory.problem;
    if (!known) status(this.facts.phase, "stale", observatory?.problem ? "No answer" : "No data");
    else if (!flats) status(this.facts.phase, "off", "None yet");
    else status(this.facts.phase, LOOKS[flats.phase], flats.phase === "taking" ? `${flats.frames_taken} of ${flats.frames}` : WORDS[flats.phase]);
    const running = !!flats?.running;
    $("#flats-start").disabled = !known || running;
    $("#flats-stop").hidden = !running;
    text(this.facts.why, this.why(observatory, flats, state));
    attr(this.facts.why, "hidden", !this.facts.why.textContent);
    this.rows(flats?.steps ?? []);
  }

  why(observatory, flats, state) {
    if (observatory?.problem) return observatory.problem;
    if (flats?.problem) return flats.problem;
    if (state && !state.panel.fixture) return "No fixture has the role flat-panel: without one only the exposure can be searched.";
    return "";
  }

  cameras() {
    const found = [...this.live.devices].filter(([key]) => key.startsWith("camera/") || key.startsWith("telescope/"));
    const names = found.map(([key, { state }]) => [key, state?.name ?? key]);
    const key = JSON.stringify(names);
    if (key === this.known) return;
    this.known = key;
    const kept = $("#flats-camera").value;
    $("#flats-camera").replaceChildren(...names.map(([value, name]) => make("option", { value }, name)));
    if (kept) $("#flats-camera").value = kept;
  }

  rows(steps) {
    if (steps === this.steps) return;
    this.steps = steps;
    attr(this.facts.table, "hidden", !steps.length);
    const rows = steps.slice(-12).map(({ brightness, exposure_s: seconds, level }) =>
      make("tr", {}, make("td", { class: "r num" }, brightness === null ? "–" : String(brightness)), make("td", { class: "r num" }, `${seconds} s`), make("td", { class: "r num" }, `${(level * 100).toFixed(1)} %`)));
    $("tbody", this.facts.table).replaceChildren(...rows);
  }
}
