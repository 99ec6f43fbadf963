// The gallery: pictures of a session are asked for when its row comes near the screen.
import { connect } from "./connection.js";
import { $, $$, attr, make, text } from "./dom.js";
import { num } from "./format.js";
import { ask } from "./session/ask.js";
import { Lightbox } from "./session/lightbox.js";
import { thumb } from "./session/thumbs.js";

const WIDTH = 104;
const BATCH = 48;
const lightbox = new Lightbox($("#lightbox"), true);
const { view } = $(".nights").dataset;
const all = view === "frames";
connect();

/** A row of frames spread over the session, or every frame of it, the newest first. */
class Row {
  constructor(section) {
    Object.assign(this, { section, session: section.dataset.session, list: $(".thumbs", section), left: null });
  }

  items(frames) {
    return frames.map((frame) => thumb(this.session, frame, (shown) => lightbox.open(this.session, shown)));
  }

  async load() {
    try {
      if (all) await this.more();
      else await this.spread();
    } catch (error) {
      this.section.hidden = false;
      this.list.replaceChildren(make("li", { class: "empty" }, error.message));
    }
  }

  async spread() {
    const sample = Math.max(4, Math.min(24, Math.floor((this.list.clientWidth || innerWidth) / WIDTH)));
    const answer = await ask(this.session, "frames", { sample, only: view === "best" ? "best" : "all" });
    const none = make("li", { class: "empty" }, "No frame of a dark sky with counted stars.");
    this.list.replaceChildren(...(answer.frames.length || view !== "best" ? this.items(answer.frames) : [none]));
    this.counted(answer.counts.all);
  }

  async more() {
    if (this.left === null) this.left = (await ask(this.session, "frames", { limit: 1 })).total;
    this.counted(this.left);
    const limit = Math.min(BATCH, this.left);
    if (!limit) return;
    const answer = await ask(this.session, "frames", { offset: this.left - limit, limit });
    this.left -= limit;
    this.list.append(...this.items(answer.frames.reverse()));
    if (this.left) this.button();
  }

  button() {
    const more = make("button", { class: "btn", type: "button" }, `${num(this.left)} older`);
    const item = make("li", {}, more);
    more.addEventListener("click", () => {
      item.remove();
      this.load();
    });
    this.list.append(item);
  }

  /** A running session is shown as soon as it has a frame. */
  counted(total) {
    if (this.section.hasAttribute("data-running")) {
      attr(this.section, "hidden", !total);
      text($("[data-f=count]", this.section), `${num(total)} frame${total === 1 ? "" : "s"}`);
    }
  }
}

const near = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      new Row(target).load();
    }
  },
  { rootMargin: "400px" },
);
for (const section of $$("[data-session]")) {
  if (section.hidden) new Row(section).load();
  else near.observe(section);
}
