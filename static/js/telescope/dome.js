// The sky from the zenith to the horizon: north up, east left. Where the telescope looks, its target, what is out of bounds.
import { attr, css } from "../dom.js";
import { degreesText } from "../format.js";
import { pen, redrawn } from "./canvas.js";

const MARGIN = 14;

export class Dome {
  /** `limit`: altitude below which slews are refused, degrees. */
  constructor(canvas, limit) {
    [this.canvas, this.limit, this.drawn] = [canvas, limit, ""];
    redrawn(canvas, () => this.paint());
  }

  /** `at` and `target`: {altitude, azimuth, name} or null. */
  draw(at, target) {
    const key = JSON.stringify([at, target], (_, value) => (typeof value === "number" ? Number(value.toFixed(1)) : value));
    if (key === this.drawn) return;
    [this.drawn, this.at, this.target] = [key, at, target];
    const where = ({ altitude, azimuth }) => `altitude ${degreesText(altitude)}, azimuth ${degreesText(azimuth)}`;
    const words = [at ? `telescope at ${where(at)}` : "place of the telescope not known"];
    if (target) words.push(`target ${target.name} at ${where(target)}`);
    attr(this.canvas, "aria-label", `Sky map, north up, east left: ${words.join("; ")}`);
    this.paint();
  }

  paint() {
    const drawing = pen(this.canvas);
    if (!drawing) return;
    const [g, width, height] = drawing;
    const radius = Math.min(width, height) / 2 - MARGIN;
    g.translate(width / 2, height / 2);
    const circle = (r) => {
      g.beginPath();
      g.arc(0, 0, r, 0, 2 * Math.PI);
    };
    const at = (altitude) => ((90 - altitude) / 90) * radius;
    const place = ({ altitude, azimuth }) => {
      const turn = (azimuth * Math.PI) / 180;
      return [-at(Math.max(0, altitude)) * Math.sin(turn), -at(Math.max(0, altitude)) * Math.cos(turn)];
    };
    g.fillStyle = css("--raised");
    circle(radius);
    g.fill();
    g.fillStyle = css("--sunk");
    circle(at(this.limit));
    g.fill();
    g.strokeStyle = css("--line");
    for (const altitude of [0, 30, 60]) {
      circle(at(altitude));
      g.stroke();
    }
    g.font = `11px ${css("--font")}`;
    [g.textAlign, g.textBaseline, g.fillStyle] = ["center", "middle", css("--text-2")];
    for (const [name, x, y] of [["N", 0, -1], ["E", -1, 0], ["S", 0, 1], ["W", 1, 0]]) g.fillText(name, x * (radius + 8), y * (radius + 8));
    if (this.target) this.mark(g, place(this.target));
    if (this.at) this.cross(g, place(this.at));
  }

  mark(g, [x, y]) {
    [g.strokeStyle, g.lineWidth, g.fillStyle] = [css("--accent"), 1.5, css("--text")];
    g.strokeRect(x - 4, y - 4, 8, 8);
    g.textAlign = x > 0 ? "right" : "left";
    g.fillText(this.target.name.slice(0, 14), x > 0 ? x - 9 : x + 9, y + 12);
  }

  cross(g, [x, y]) {
    [g.strokeStyle, g.lineWidth] = [css("--text"), 1.5];
    g.beginPath();
    g.arc(x, y, 5, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      g.moveTo(x + 3 * dx, y + 3 * dy);
      g.lineTo(x + 9 * dx, y + 9 * dy);
    }
    g.stroke();
  }
}
