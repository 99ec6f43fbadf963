// The table: what waits, what is finished, what failed and why; what nobody's job made stands below.
import { VIEWER } from "../commands.js";
import { del, post } from "../control.js";
import { $, attr, keyed, make, status } from "../dom.js";
import { NONE, bytes, num } from "../format.js";
import { slots } from "../looks.js";
import { armTwoStep } from "../twostep.js";
import { jobStatus, length, productStatus } from "./words.js";

export class Rows {
  #key = "";

  constructor(root, page) {
    Object.assign(this, { root, page });
    this.slot = slots(root);
  }

  draw(chosen, loaded) {
    if (loaded) attr(this.root, "aria-busy", null);
    const { jobs, products } = this.page;
    const all = [...jobs.values()].sort((a, b) => rank(a) - rank(b) || (a.created_at < b.created_at ? 1 : -1));
    const alone = [...products.values()].filter((one) => !jobs.has(one.job));
    this.slot.empty.hidden = !loaded || all.length + alone.length > 0;
    // Numbers of a running job change all the time and do not stand here: a row is made anew only when its own words differ.
    const rows = all.map((job) => {
      const { uuid, state, stage, cancelling, priority, attempts, error, format, frames, products: made } = job;
      const product = [...products.values()].find((one) => one.job === uuid);
      return [JSON.stringify([uuid, uuid === chosen, state, stage, cancelling, priority, attempts, error, format, frames, made, product?.uuid]), () => this.job(job, product, chosen)];
    });
    rows.push(...alone.map((one) => [JSON.stringify([one.uuid, one.uuid === chosen, one.growing]), () => this.product(one, chosen)]));
    const key = rows.map(([of]) => of).join();
    if (key === this.#key) return;
    this.#key = key;
    keyed($("tbody", this.root), rows);
  }

  /** Words that count down. */
  tick() {
    for (const [uuid, job] of this.page.jobs) {
      if (job.state === "waiting" && job.next_try_at) {
        const word = $(`tr[data-uuid="${CSS.escape(uuid)}"] .status`, this.root);
        if (word) status(word, ...jobStatus(job));
      }
    }
  }

  job(job, product, chosen) {
    const state = make("span", { class: "status" });
    status(state, ...jobStatus(job));
    const cells = [make("td", {}, state, ...(job.state === "failed" ? [make("p", { class: "small dim" }, job.error)] : []))];
    return this.row(job.uuid, job.title, chosen, cells, job.format ?? NONE, job.frames, product, this.actions(job, product));
  }

  product(product, chosen) {
    const state = make("span", { class: "status" });
    status(state, ...productStatus(product));
    return this.row(product.uuid, product.title, chosen, [make("td", {}, state)], NONE, null, product, this.looking(product.uuid, product));
  }

  row(uuid, title, chosen, cells, format, frames, product, actions) {
    const more = [
      make("td", { class: "opt" }, format),
      make("td", { class: "r num opt" }, frames ? num(frames) : NONE),
      make("td", { class: "r num opt" }, length(product?.duration_s ?? null)),
      make("td", { class: "r num opt" }, product ? bytes(product.bytes) : NONE),
      make("td", { class: "r" }, ...actions),
    ];
    return make("tr", { "data-uuid": uuid, "aria-current": uuid === chosen ? "true" : null }, make("td", {}, title), ...cells, ...more);
  }

  actions(job, product) {
    if (job.state === "waiting" && !VIEWER) {
      const first = make("button", { class: "btn quiet", type: "button" }, "First");
      first.addEventListener("click", () => this.page.command(`${job.uuid}/first/`, {}, post));
      return [first, this.show(job.uuid, "Show")];
    }
    if (job.state === "failed") return [this.show(job.uuid, "Why")];
    return this.looking(job.uuid, product);
  }

  looking(uuid, product) {
    const plays = product?.files.some(({ role }) => ["preview", "draft"].includes(role));
    const buttons = [this.show(uuid, plays ? "Play" : "Show", plays)];
    if (product && !product.growing && !VIEWER && this.page.jobs.get(uuid)?.state !== "running") {
      const away = make("button", { class: "btn quiet", type: "button", "data-confirm": "Delete its files?" }, "Delete");
      armTwoStep(away);
      away.addEventListener("skycam:do", () => this.page.command(`products/${product.uuid}/`, {}, del));
      buttons.push(away);
    }
    return buttons;
  }

  show(uuid, word, plays) {
    const button = make("button", { class: "btn quiet", type: "button" }, word);
    button.addEventListener("click", () => {
      this.page.choose(uuid);
      $("#job").scrollIntoView({ block: "nearest" });
      if (plays) $("#film").play().catch(() => {}); // a browser may want another press first
    });
    return button;
  }
}

const ORDER = { running: 0, waiting: 1, failed: 2, done: 2, cancelled: 2 };
const rank = (job) => ORDER[job.state] * 1000 - (job.state === "waiting" ? job.priority : 0);
