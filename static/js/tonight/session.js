// The running session of the selected camera and its newest log lines.
import { local } from "../clock.js";
import { $, text } from "../dom.js";
import { bytes, num, parse } from "../format.js";
import { LogLines } from "../loglines.js";
import { looks, slots } from "../looks.js";

export class Session {
  constructor() {
    this.panel = $("#session");
    this.facts = slots(this.panel);
    this.lines = new LogLines($("#log"));
  }

  draw({ entry, state, linked, now }) {
    looks(this.panel, entry, linked);
    const session = state?.session ?? null;
    const none = !!state && !session;
    this.facts.empty.hidden = !none;
    this.facts.body.hidden = none;
    if (!session) return;
    const { id, type, target, started_at: started, frames, bytes: size, warnings, errors } = session;
    text(this.facts.id, id);
    text(this.facts.type, type);
    text(this.facts.target, target || "none");
    text(this.facts.started, local.time(parse(started), now));
    text(this.facts.frames, num(frames));
    text(this.facts.bytes, bytes(size));
    text(this.facts.warnings, num(warnings));
    text(this.facts.errors, num(errors));
    this.lines.draw(session.log ?? [], now);
  }
}
