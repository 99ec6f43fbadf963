// The curves of a night, beside its pictures: drawn like the telemetry of a session.
import { Charts } from "../session/charts.js";
import { firstFile } from "./words.js";

const SERIES = [["stars", "stars", "", true], ["sky_mag", "sky_brightness", "mag/″²", false], ["cloud_pct", "clouds", "%", true], ["fwhm_px", "width_of_stars", "px", true], ["quality", "quality", "", true]];
const GAP = 2.5; // usual intervals

export class Night {
  #url = null;

  constructor(root, switcher) {
    this.root = root;
    this.charts = new Charts(root.querySelector(".body"), switcher);
  }

  /** Show the curves of a product; without any the panel is not there. */
  async show(product) {
    const file = product?.kind === "timelapse" ? null : firstFile(product, "curves");
    const url = file ? `${file.url}?${Date.parse(product.made_at)}` : null;
    if (url === this.#url) return;
    this.#url = url;
    const curves = url ? await fetch(url).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null) : null;
    if (url !== this.#url) return; // another one was chosen meanwhile
    this.root.hidden = !curves;
    if (!curves) return;
    const gaps = pauses(curves.time_ms);
    const broken = gaps.map(([from]) => [from + 1, null]);
    const charts = SERIES.filter(([key]) => curves[key]).map(([key, name, unit, zero]) => {
      const points = [...curves.time_ms.map((ms, at) => [ms, curves[key][at]]), ...broken].sort(([one], [other]) => one - other);
      return { name, column: "value", unit, zero, lines: [{ name: "", points }], lines_total: 1 };
    });
    this.charts.show(charts, [], gaps);
  }
}

/** From when to when there was no frame. */
function pauses(times) {
  const steps = times.slice(1).map((ms, at) => ms - times[at]);
  const usual = steps.toSorted((one, other) => one - other)[Math.floor(steps.length / 2)];
  return steps.flatMap((step, at) => (step > GAP * usual ? [[times[at], times[at + 1]]] : []));
}
