// Moving by hand: held down it moves, let go it stops. Every push is said again while it lasts; a telescope whose page falls
// silent for 1.5 s stops by itself, so that a lost connection, a crashed tab or a dead battery end a movement as well.
import { post } from "../control.js";
import { $, $$, attr, say } from "../dom.js";

const AGAIN_MS = 400;
const KEYS = { ArrowUp: 90, ArrowLeft: 180, ArrowRight: 0, ArrowDown: 270 };
const PRESS = ["Enter", " "];

/** How far the joystick is pushed for a rate in degrees per second: the telescope moves at 29.9 length³ + 0.1. */
export const lengthOf = (rate) => Math.cbrt(Math.max(1e-6, (rate - 0.1) / 29.9));

export class Pad {
  /** `possible()`: whether a movement may begin; `failed(error)`: shows why one did not. */
  constructor(root, rate, base, { possible, failed }) {
    Object.assign(this, { root, rate, base, possible, failed, angle: null, timer: 0, key: "" });
    this.keys = $$("[data-angle]", root);
    for (const button of this.keys) {
      button.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        button.setPointerCapture(event.pointerId);
        this.push(Number(button.dataset.angle));
      });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, () => this.halt());
      button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press of a finger
    }
    $("[data-halt]", root).addEventListener("click", () => this.stop());
    root.addEventListener("keydown", (event) => this.keydown(event));
    root.addEventListener("keyup", (event) => event.key === this.key && this.halt());
    addEventListener("blur", () => this.halt());
    addEventListener("pagehide", () => this.halt());
    document.addEventListener("visibilitychange", () => document.hidden && this.halt());
  }

  keydown(event) {
    if (event.key === "Escape") {
      this.stop();
      return;
    }
    const pressed = PRESS.includes(event.key) ? event.target.dataset.angle : undefined;
    const angle = KEYS[event.key] ?? (pressed === undefined ? undefined : Number(pressed));
    if (angle === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.repeat) return;
    this.key = event.key;
    this.push(angle);
  }

  push(angle) {
    if (!this.possible()) return;
    this.angle = angle;
    for (const button of this.keys) attr(button, "data-held", Number(button.dataset.angle) === angle);
    say("Moving");
    this.again();
  }

  /** One push at a time is on its way, so that none can arrive after the stop that follows it. */
  async again() {
    clearTimeout(this.timer);
    if (this.angle === null || this.going) return;
    this.going = post(`${this.base}/joystick/`, { angle_deg: this.angle, length: lengthOf(Number(this.rate.value)) });
    const error = await this.going.then(() => null, (refused) => refused);
    this.going = null;
    if (error) {
      this.halt();
      this.failed(error);
    } else if (this.angle !== null) {
      this.timer = setTimeout(() => this.again(), AGAIN_MS);
    }
  }

  /** Let go: stops what this pad began. */
  halt() {
    if (this.angle !== null) this.stop();
  }

  /** Stop both axes, whatever moves them by hand. */
  async stop() {
    this.angle = null;
    this.key = "";
    clearTimeout(this.timer);
    for (const button of this.keys) attr(button, "data-held", false);
    const under = this.going;
    const letGo = () => post(`${this.base}/joystick/`, { angle_deg: 0, length: 0 });
    try {
      await letGo();
      // A push that was under way may have come after it.
      if (under && (await under.then(() => true, () => false)) && this.angle === null) await letGo();
      say("Stopped");
    } catch (error) {
      this.failed(error);
    }
  }
}
