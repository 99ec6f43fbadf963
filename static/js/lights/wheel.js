// The colour wheel: hue around, saturation outwards; brightness is the sliders' business.
import { $, attr } from "../dom.js";

/** Red, green, blue (0..255) of hue (degrees), saturation and value (0..1). */
export function mix(hue, saturation, value) {
  return [5, 3, 1].map((n) => {
    const k = (n + hue / 60) % 6;
    return Math.round(255 * (value - value * saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  });
}

/** Hue and saturation of a colour; `null` for grey, which has no hue. */
export function hueOf([r, g, b]) {
  const [high, low] = [Math.max(r, g, b), Math.min(r, g, b)];
  if (high === low) return null;
  const d = high - low;
  const sector = high === r ? ((g - b) / d + 6) % 6 : high === g ? (b - r) / d + 2 : (r - g) / d + 4;
  return [sector * 60, d / high];
}

const STEPS = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, 0.02], ArrowDown: [0, -0.02] };

export class Wheel {
  hue = 0;
  saturation = 1;

  /** `picked(hue, saturation)` is told what a person chose. */
  constructor(picked) {
    this.canvas = $("#wheel");
    this.picked = picked;
    for (const letter of this.canvas.parentElement.querySelectorAll("[data-angle]")) {
      const angle = ((Number(letter.dataset.angle) - 90) * Math.PI) / 180;
      letter.style.setProperty("--x", `${50 + 38 * Math.cos(angle)}%`);
      letter.style.setProperty("--y", `${50 + 38 * Math.sin(angle)}%`);
    }
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.#drag(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.#drag(event));
    this.canvas.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      this.#choose((this.hue + step[0] + 360) % 360, Math.max(0, Math.min(1, this.saturation + step[1])));
    });
    new ResizeObserver(() => this.#paint()).observe(this.canvas);
    this.#place();
  }

  /** Out of use, while the mode leaves no choice of hue. */
  set off(value) {
    this.canvas.parentElement.toggleAttribute("data-off", value);
    attr(this.canvas, "aria-disabled", value ? "true" : null);
  }

  show(colour) {
    const found = hueOf(colour);
    if (found) [this.hue, this.saturation] = found;
    else if (colour[0]) this.saturation = 0; // grey; black leaves the dot where it was
    this.#place();
  }

  #drag(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [((event.clientX - box.x) / box.width) * 2 - 1, ((event.clientY - box.y) / box.height) * 2 - 1];
    this.#choose(((Math.atan2(y, x) * 180) / Math.PI + 450) % 360, Math.min(1, Math.hypot(x, y)));
  }

  #choose(hue, saturation) {
    if (this.canvas.ariaDisabled === "true") return;
    [this.hue, this.saturation] = [hue, saturation];
    this.#place();
    this.picked(hue, saturation);
  }

  #place() {
    const [angle, dot] = [((this.hue - 90) * Math.PI) / 180, $("#dot")];
    dot.style.left = `${50 + 50 * this.saturation * Math.cos(angle)}%`;
    dot.style.top = `${50 + 50 * this.saturation * Math.sin(angle)}%`;
    attr(this.canvas, "aria-valuenow", Math.round(this.hue));
    attr(this.canvas, "aria-valuetext", `hue ${Math.round(this.hue)} degrees, saturation ${Math.round(this.saturation * 100)} per cent`);
  }

  #paint() {
    const side = Math.round(this.canvas.clientWidth * Math.min(2, devicePixelRatio));
    if (!side || this.canvas.width === side) return;
    this.canvas.width = this.canvas.height = side;
    const [context, radius] = [this.canvas.getContext("2d"), side / 2];
    const image = context.createImageData(side, side);
    for (let y = 0, k = 0; y < side; y++) {
      for (let x = 0; x < side; x++, k += 4) {
        const [u, v] = [(x - radius) / radius, (y - radius) / radius];
        const r = Math.hypot(u, v);
        const colour = mix(((Math.atan2(v, u) * 180) / Math.PI + 450) % 360, Math.min(1, r), 1);
        image.data.set([...colour, Math.max(0, Math.min(255, (1 - r) * radius * 255))], k);
      }
    }
    context.putImageData(image, 0, 0);
  }
}
