// Flicker and motion of a timelapse, before and after, on the same axes.
import { get } from "../control.js";
import { $, css, make, text } from "../dom.js";
import { num } from "../format.js";
import { slots } from "../looks.js";
import uPlot from "../../vendor/uplot-1.6.32/uPlot.esm.js";

const UNITS = { flicker: "%", motion: "px" };
const LONGEST_TABLE = 500;

export class Plots {
  #plots = [];
  #curves = null;
  #uuid = null;

  constructor(root) {
    this.root = root;
    this.slot = slots(root);
    let width = 0;
    new ResizeObserver(() => {
      if (root.clientWidth !== width) this.redraw();
      width = root.clientWidth;
    }).observe(root);
    this.slot.table.addEventListener("toggle", () => this.#table());
  }

  /** Ask for the curves of a job; they are there when its frames have been looked at. */
  async show(uuid) {
    this.#uuid = uuid;
    const curves = uuid ? await get(`timelapses/${uuid}/curves/`).catch(() => null) : null;
    if (this.#uuid !== uuid) return; // another one was chosen meanwhile
    this.#curves = curves?.frame.length ? curves : null;
    this.redraw();
  }

  redraw() {
    for (const plot of this.#plots) plot.destroy();
    this.#plots = [];
    const curves = this.#curves;
    this.slot["flicker-none"].hidden = Boolean(curves);
    this.slot.table.hidden = !curves;
    for (const [name, unit] of Object.entries(UNITS)) {
      text(this.slot[`${name}-rms`], curves ? rms(curves[name], unit) : "");
      if (curves) this.#plots.push(draw(this.slot[name], curves.frame, curves[name], unit));
    }
    this.#table();
  }

  #table() {
    const body = $("tbody", this.slot.table);
    if (!this.slot.table.open || !this.#curves) return body.replaceChildren();
    const { frame, flicker, motion } = this.#curves;
    const rows = frame.slice(0, LONGEST_TABLE).map((number, at) => {
      const values = [flicker.before, flicker.after].map((v) => `${num(v[at], 2)} %`).concat([motion.before, motion.after].map((v) => `${num(v[at], 2)} px`));
      return make("tr", {}, make("td", { class: "r" }, String(number)), ...values.map((value) => make("td", { class: "r" }, value)));
    });
    body.replaceChildren(...rows);
  }
}

/** What was measured; without a finished film only what was before. */
function rms({ rms_before: before, rms_after: after }, unit) {
  return `rms ${num(before, 2)}${after === undefined ? "" : ` → ${num(after, 2)}`} ${unit}`;
}

function draw(root, frames, curve, unit) {
  const axis = { stroke: css("--text-3"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, font: `11px ${css("--font")}` };
  const line = (name, width, dash) => ({ stroke: css(name), width, dash, points: { show: false }, spanGaps: false });
  const options = {
    width: root.clientWidth || 320,
    height: innerWidth < 700 ? 130 : 190,
    legend: { show: false },
    cursor: { y: false, sync: { key: "frames" } },
    scales: { x: { time: false } },
    axes: [{ ...axis, size: 22 }, { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => `${num(tick, Number.isInteger(tick) ? 0 : 1)} ${unit}`) }],
    series: [{}, line("--text-3", 1, [4, 3]), line("--accent", 1.5)],
  };
  return new uPlot(options, [frames, curve.before, curve.after], root);
}
