// The processes under everything, and the disk.
import { age } from "../clock.js";
import { $, make, status, text } from "../dom.js";
import { bytes, parse } from "../format.js";
import { processStatus } from "../words.js";
import { roomLeft } from "./head.js";
import { looks } from "../looks.js";

const LOW = 10e9;
const EMPTY = 1e9;

export class System {
  constructor() {
    this.panel = $("#system");
    this.list = $("#processes");
    this.rows = new Map();
  }

  draw({ live, linked, state }) {
    const up = live.devices.get("up");
    looks(this.panel, up, linked);
    const why = $("#system-why");
    why.hidden = !up?.problem;
    text(why, up?.problem ?? "");
    const wanted = (up?.state?.processes ?? []).map((process) => {
      const [s, , fact] = processStatus(process);
      return { name: process.name, s, fact, since: parse(process.since) };
    });
    this.summary(up, linked, wanted);
    if (Number.isFinite(state?.disk_free_bytes)) wanted.push(this.disk(state));
    this.show(wanted);
  }

  summary(up, linked, processes) {
    const ill = processes.filter(({ s }) => s !== "ok").length;
    const element = $("#system-status");
    if (!up?.state) status(element, "stale", "No data");
    else if (up.problem || !linked) status(element, "stale", "Not live");
    else if (ill) status(element, processes.some(({ s }) => s === "fault") ? "fault" : "warn", `${ill} of ${processes.length}`);
    else status(element, "ok", `All ${processes.length} running`);
  }

  disk(state) {
    const free = state.disk_free_bytes;
    const left = roomLeft(state);
    return { name: "Disk", s: free < EMPTY ? "fault" : free < LOW ? "warn" : "ok", fact: `${bytes(free)} free`, note: left ? `room for ${left}` : "" };
  }

  /** One row per name, kept and updated in place. */
  show(wanted) {
    for (const [name, row] of this.rows) {
      if (wanted.some((item) => item.name === name)) continue;
      row.remove();
      this.rows.delete(name);
    }
    if (wanted.length && !this.rows.size) this.list.replaceChildren();
    for (const { name, s, fact, since, note } of wanted) {
      if (!this.rows.has(name)) {
        const row = make("li", {}, make("span", { class: "status" }), make("span", { class: "dim clip" }), make("span", { class: "age", "data-form": "up" }));
        this.rows.set(name, row);
      }
      const row = this.rows.get(name);
      this.list.append(row);
      const [shape, what, when] = row.children;
      status(shape, s, name);
      text(what, fact);
      what.title = fact;
      if (note === undefined) age(when, since);
      else text(when, note);
    }
  }
}
