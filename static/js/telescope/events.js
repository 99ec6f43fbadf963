// The newest log lines of the running session.
import { $, text } from "../dom.js";
import { num } from "../format.js";
import { LogLines } from "../loglines.js";
import { looks, slots } from "../looks.js";

export class Events {
  constructor() {
    this.panel = $("#events");
    this.facts = slots(this.panel);
    this.lines = new LogLines($("#log"));
  }

  draw({ entry, state, linked, now }) {
    looks(this.panel, entry, linked);
    const session = state?.session;
    text(this.facts.frames, session ? (session.frames === 1 ? "1 frame" : `${num(session.frames)} frames`) : "");
    if (state) this.lines.draw(session?.log ?? [], now);
  }
}
