// Telemetry: one chart a series, on one time axis, with a cursor that they share.
import uPlot from "../../vendor/uplot-1.6.32/uPlot.esm.js";
import { local } from "../clock.js";
import { $, attr, css, make, text } from "../dom.js";
import { num } from "../format.js";

const UNITS = { degC: "°C", s: "s", deg: "°", arcsec: "″", "%": "%", hPa: "hPa", lx: "lx", V: "V", us: "µs" };
const DASHES = [[], [6, 3], [2, 2], [9, 3, 2, 3]];
const ROWS = 200;
const SYNC = "session";

/** "Temperature", "Mount position: alt". */
function title({ name, column }) {
  const words = name.replaceAll("_", " ");
  const first = words[0].toUpperCase() + words.slice(1);
  if (name === "frames") return { exposure_s: "Exposure", gain: "Gain", sensor_temp_c: "Sensor temperature" }[column] ?? column;
  return column === "value" ? first : `${first}: ${column.replaceAll("_", " ")}`;
}

const unitOf = (chart) => UNITS[chart.unit] ?? chart.unit.replace("(ICRS)", "").trim().replace("deg", "°");

/** Decimals that show a difference on an axis of this height. */
const digitsOf = (values) => {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  const height = Math.max(...known) - Math.min(...known);
  return height === 0 ? (Number.isInteger(known[0]) ? 0 : 2) : Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(height))));
};

const digitsOfTicks = (ticks) => (ticks.length < 2 ? 1 : Math.max(0, Math.ceil(-Math.log10(ticks[1] - ticks[0]) - 1e-9)));

/** Ends of the axis, with room; counts and shares begin at 0. */
function rangeOf(low, high, zero) {
  if (zero) return [0, high > 0 ? high * 1.08 : 1];
  return low === high ? [low - 1, high + 1] : [low - (high - low) * 0.08, high + (high - low) * 0.08];
}

export class Charts {
  constructor(root, switcher) {
    Object.assign(this, { root, plots: [], charts: [], events: [], gaps: [], table: false });
    addEventListener("skycam:theme", () => this.draw());
    addEventListener("resize", () => this.draw());
    switcher.addEventListener("click", () => {
      this.table = !this.table;
      attr(switcher, "aria-pressed", String(this.table));
      this.draw();
    });
  }

  show(charts, events, gaps) {
    Object.assign(this, { charts, events, gaps });
    attr(this.root, "aria-busy", null);
    this.draw();
  }

  draw() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
    if (!this.charts.length) {
      this.root.replaceChildren(make("p", { class: "empty" }, make("b", {}, "No telemetry in this session."), make("span", {}, "Sensors, mount and focuser write their readings here when they are connected.")));
      return;
    }
    const figures = this.charts.map((chart) => [chart, make("figure", {}, make("figcaption"))]);
    this.root.replaceChildren(...figures.map(([, figure]) => figure));
    for (const [chart, figure] of figures) {
      const joined = uPlot.join(chart.lines.map(({ points }) => [points.map(([ms]) => ms / 1000), points.map(([, value]) => value)]));
      if (this.table) this.rows(chart, joined, figure);
      else this.plots.push(this.plot(chart, joined, figure));
    }
  }

  plot(chart, data, figure) {
    const caption = $("figcaption", figure);
    const digits = digitsOf(data.slice(1).flat());
    const axis = { stroke: css("--text-3"), grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false }, font: `11px ${css("--font")}` };
    const write = (at) => this.caption(caption, chart, data, at, digits);
    write(null);
    attr(figure, "role", "group");
    attr(figure, "aria-label", this.sentence(chart, data, digits));
    return new uPlot(
      {
        width: figure.clientWidth,
        height: innerWidth < 1024 ? 130 : 150,
        legend: { show: false },
        cursor: { sync: { key: SYNC }, y: false, drag: { x: true, y: false }, points: { size: 5 } },
        axes: [
          { ...axis, size: 24, values: (_, ticks) => ticks.map((t) => local.time(t * 1000).slice(0, ticks[1] - ticks[0] < 60 ? 8 : 5)) },
          { ...axis, size: 52, values: (_, ticks) => ticks.map((value) => num(value, digitsOfTicks(ticks))) },
        ],
        // A lone reading stands in the middle of a minute: uPlot asks for a day from it, every tick at 00:00.
        scales: { x: { range: (_, low, high) => (data[0].length === 1 ? [data[0][0] - 30, data[0][0] + 30] : [low, high]) }, y: { range: (_, low, high) => rangeOf(low, high, chart.zero) } },
        series: [{}, ...chart.lines.map((_, i) => ({ stroke: css(`--c-${(i % 4) + 1}`), width: 1.5, dash: DASHES[i % 4], spanGaps: false, points: { show: data[0].length < 3 } }))],
        hooks: { setCursor: [(plot) => write(plot.cursor.idx)], drawClear: [(plot) => this.under(plot)], draw: [(plot) => this.over(plot)] },
      },
      data,
      figure,
    );
  }

  caption(caption, chart, data, at, digits) {
    const unit = unitOf(chart);
    const parts = chart.lines.map((line, i) => {
      const value = at === null || at === undefined ? data[i + 1].findLast((x) => x !== null && x !== undefined) : data[i + 1][at];
      return make("span", {}, make("i", { class: "key", "data-c": i % 4 }), line.name ? `${line.name} ` : "", make("b", { class: "num" }, num(value, digits)));
    });
    const more = chart.lines_total > chart.lines.length ? [make("span", {}, `and ${chart.lines_total - chart.lines.length} more`)] : [];
    const when = at === null || at === undefined ? [] : [make("span", { class: "num" }, local.time(data[0][at] * 1000))];
    caption.replaceChildren(make("b", {}, unit ? `${title(chart)}, ${unit}` : title(chart)), ...parts, ...more, ...when);
  }

  sentence(chart, data, digits) {
    const span = `${local.time(data[0][0] * 1000)} to ${local.time(data[0].at(-1) * 1000)}`;
    const lines = chart.lines.map(({ name, points }) => {
      const values = points.map(([, value]) => value).filter((value) => value !== null);
      return `${name || title(chart)} from ${num(Math.min(...values), digits)} to ${num(Math.max(...values), digits)}`;
    });
    return `${title(chart)} in ${unitOf(chart) || "its own unit"}, ${span}: ${lines.join("; ")}`;
  }

  /** Gaps are hatched behind the curves. */
  under(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = css("--gap-hatch");
    ctx.globalAlpha = 0.5;
    for (const [from, to] of this.gaps) {
      const [a, b] = [from, to].map((ms) => Math.min(Math.max(plot.valToPos(ms / 1000, "x", true), bbox.left), bbox.left + bbox.width));
      if (b > a) ctx.fillRect(a, bbox.top, b - a, bbox.height);
    }
    ctx.restore();
  }

  /** Events are ticks on the time axis. */
  over(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = css("--warn");
    for (const { time_ms } of this.events) {
      const x = plot.valToPos(time_ms / 1000, "x", true);
      if (x >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x - 0.5, bbox.top + bbox.height - 6, 2 * devicePixelRatio, 6);
    }
    ctx.restore();
  }

  rows(chart, data, figure) {
    const digits = digitsOf(data.slice(1).flat());
    text($("figcaption", figure), title(chart));
    const step = Math.max(1, Math.ceil(data[0].length / ROWS));
    const heads = chart.lines.map(({ name }) => make("th", { scope: "col", class: "r" }, [name, unitOf(chart)].filter(Boolean).join(", ") || title(chart)));
    const body = [];
    for (let at = 0; at < data[0].length; at += step) {
      const cells = data.slice(1).map((values) => make("td", { class: "r" }, num(values[at], digits)));
      body.push(make("tr", {}, make("td", {}, local.time(data[0][at] * 1000)), ...cells));
    }
    const table = make("table", { class: "table" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Time"), ...heads)), make("tbody", {}, ...body));
    const scroll = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title(chart) }, table);
    figure.append(scroll);
  }
}
