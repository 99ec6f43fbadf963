// The running session of the selected camera and its newest log lines.
import { local } from "../clock.js";
import { $, make, status, text } from "../dom.js";
import { bytes, num, parse } from "../format.js";
import { levelStatus } from "../words.js";
import { looks, slots } from "../looks.js";

export class Session {
  constructor() {
    this.panel = $("#session");
    this.facts = slots(this.panel);
    this.log = $("#log");
    this.logged = "";
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
    this.lines(session.log ?? [], now);
  }

  /** Newest first; built anew only when a line was added. */
  lines(log, now) {
    const rows = [...log].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
    const key = JSON.stringify(rows);
    if (key === this.logged) return;
    this.logged = key;
    this.log.replaceChildren(
      ...rows.map(({ time, level, source, message }) => {
        const word = make("span", { class: "status" });
        status(word, ...levelStatus(level));
        const when = make("span", { class: "num dim" }, local.time(parse(time), now));
        return make("li", {}, when, word, make("span", { class: "dim clip" }, source ?? ""), make("span", { class: "what" }, message));
      }),
    );
    if (!rows.length) this.log.replaceChildren(make("li", {}, make("span", { class: "what dim" }, "Nothing logged yet.")));
  }
}
