// The log of a session: level, search, and older rows on demand; the server searches, the page shows what was found.
import { local } from "../clock.js";
import { $, $$, attr, make, status, text } from "../dom.js";
import { num } from "../format.js";
import { slots } from "../looks.js";
import { levelStatus } from "../words.js";
import { ask } from "./ask.js";

const PAGE = 100;
const TYPING_MS = 250;

/** One row: time, level, source, message; its context opens below it. */
function logLine({ time_ms, level, source, message, context }, day) {
  const word = make("span", { class: "status" });
  status(word, ...levelStatus(level));
  const what = make("div", { class: "what" });
  if (context) what.append(make("details", {}, make("summary", {}, message), make("code", { class: "mono" }, JSON.stringify(context, null, 1))));
  else what.append(message);
  return make("li", {}, make("span", { class: "num dim" }, local.time(time_ms, day)), word, make("span", { class: "dim clip", title: source }, source), what);
}

export class Log {
  constructor(session, panel) {
    Object.assign(this, { session, f: slots(panel), panel, shown: 0, run: 0, next: null });
    let timer;
    $("#lq").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.load(), TYPING_MS);
    });
    for (const choice of $$("[name=level]", panel)) choice.addEventListener("change", () => this.load());
    $("button", this.f.more).addEventListener("click", () => this.load(this.next));
  }

  async load(before = null) {
    const run = ++this.run;
    const words = { level: $("[name=level]:checked", this.panel).value, text: $("#lq").value.trim(), before, limit: PAGE };
    attr(this.panel, "aria-busy", "true");
    try {
      const answer = await ask(this.session, "logs", words);
      if (run === this.run) this.draw(answer, before !== null);
    } catch (error) {
      if (run === this.run) text(this.f.shown, error.message);
    } finally {
      if (run === this.run) attr(this.panel, "aria-busy", null);
    }
  }

  draw({ rows, next, total }, more) {
    const lines = rows.map((row) => logLine(row, rows[0].time_ms));
    if (more) this.f.rows.append(...lines);
    else this.f.rows.replaceChildren(...lines);
    this.shown = (more ? this.shown : 0) + rows.length;
    this.next = next;
    this.f.more.hidden = next === null;
    this.f.none.hidden = this.shown > 0 || total === 0;
    this.f.silent.hidden = total > 0;
    text(this.f.shown, `${num(this.shown)} row${this.shown === 1 ? "" : "s"} shown${next === null ? "" : ", older ones below"}`);
    text(this.f.total, `${num(total)} row${total === 1 ? "" : "s"} in the session`);
  }
}
