// Drawings on a canvas that follow the theme, the size of their place and the screen's resolution.
import { attr } from "../dom.js";

/** A pen for a canvas of its present size in CSS pixels: [pen, width, height]; null while it is not laid out. */
export function pen(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const scale = Math.min(2, devicePixelRatio);
  attr(canvas, "width", Math.round(width * scale));
  attr(canvas, "height", Math.round(height * scale));
  const drawing = canvas.getContext("2d");
  drawing.setTransform(scale, 0, 0, scale, 0, 0);
  drawing.clearRect(0, 0, width, height);
  return [drawing, width, height];
}

/** Draw again when the theme or the size changes. */
export function redrawn(canvas, draw) {
  addEventListener("skycam:theme", draw);
  new ResizeObserver(draw).observe(canvas);
}
