// Log lines of a session, newest first; built anew only when a line was added.
import { local } from "./clock.js";
import { make, status } from "./dom.js";
import { parse } from "./format.js";
import { levelStatus } from "./words.js";

export class LogLines {
  constructor(list) {
    [this.list, this.shown] = [list, null];
  }

  draw(log, now) {
    const rows = [...log].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
    const key = JSON.stringify(rows);
    if (key === this.shown) return;
    this.shown = key;
    this.list.replaceChildren(
      ...rows.map(({ time, level, source, message }) => {
        const word = make("span", { class: "status" });
        status(word, ...levelStatus(level));
        const when = make("span", { class: "num dim" }, local.time(parse(time), now));
        return make("li", {}, when, word, make("span", { class: "dim clip" }, source ?? ""), make("span", { class: "what" }, message));
      }),
    );
    if (!rows.length) this.list.replaceChildren(make("li", {}, make("span", { class: "what dim" }, "Nothing logged yet.")));
  }
}
