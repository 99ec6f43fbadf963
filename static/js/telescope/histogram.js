// How often each brightness occurs in the preview, with the three points of the stretch.
import { css } from "../dom.js";
import { pen, redrawn } from "./canvas.js";

export class Histogram {
  constructor(canvas) {
    [this.canvas, this.counts, this.of] = [canvas, null, null];
    redrawn(canvas, () => this.paint());
  }

  /** `source`: pixels of the preview, or null. They are counted once per picture. */
  draw(source, points) {
    if (this.of !== source) [this.of, this.counts] = [source, source && count(source.data)];
    this.points = points;
    this.paint();
  }

  paint() {
    const drawing = pen(this.canvas);
    if (!drawing || !this.points) return;
    const [g, width, height] = drawing;
    const x = (value) => (value / 255) * (width - 1);
    if (this.counts) {
      // The root shows the few bright pixels beside the many dark ones.
      const most = Math.sqrt(Math.max(...this.counts.slice(1)) || 1);
      g.fillStyle = css("--text-3");
      for (const [value, many] of this.counts.entries()) {
        const tall = Math.min(1, Math.sqrt(many) / most) * (height - 3);
        g.fillRect(x(value), height - tall, width / 256 + 0.5, tall);
      }
    }
    const { black, middle, white } = this.points;
    g.fillStyle = css("--accent");
    const half = 0.5 ** (Math.log(0.5) / Math.log(middle)); // which share of the range becomes the middle
    for (const value of [black, black + (white - black) * half, white]) g.fillRect(Math.min(x(value), width - 1.5), 0, 1.5, height);
  }
}

function count(data) {
  const counts = new Uint32Array(256);
  for (let at = 0; at < data.length; at += 4) counts[(data[at] + 2 * data[at + 1] + data[at + 2]) >> 2] += 1;
  return counts;
}
