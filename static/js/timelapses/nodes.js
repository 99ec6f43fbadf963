// Capture nodes: how the last visit to each went, why one failed and when it is tried again.
import { age, serverNow } from "../clock.js";
import { VIEWER } from "../commands.js";
import { Refused, get, post } from "../control.js";
import { $, attr, make, status, text } from "../dom.js";
import { bytes, num, parse, span } from "../format.js";

export class Nodes {
  #nodes = new Map();

  constructor(root) {
    this.root = root;
  }

  async load() {
    if (!this.root) return;
    try {
      for (const node of await get("nodes/")) this.#nodes.set(node.node, node);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    this.#draw();
  }

  /** A visit has ended. */
  took(node) {
    this.#nodes.set(node.node, node);
    this.#draw();
  }

  #draw() {
    if (!this.root) return;
    attr(this.root, "aria-busy", null);
    $("tbody", this.root).replaceChildren(...[...this.#nodes.values()].flatMap((node) => this.#row(node)));
  }

  #row(node) {
    const state = make("span", { class: "status" });
    status(state, ...stateOf(node));
    const last = make("span", { class: "age" });
    if (node.last_ok_at) age(last, parse(node.last_ok_at));
    const now = make("button", { class: "btn quiet", type: "button" }, "Fetch now");
    now.addEventListener("click", () => this.#fetch(node, now));
    const cells = [make("td", {}, node.node), make("td", {}, state), make("td", { class: "opt" }, node.host), make("td", {}, last), make("td", { class: "r num opt" }, num(node.fetched)), make("td", { class: "r num opt" }, bytes(node.bytes)), make("td", { class: "r" }, ...(VIEWER ? [] : [now]))];
    const rows = [make("tr", {}, ...cells)];
    if (node.problem) rows.push(make("tr", { class: "why" }, make("td", { class: "small dim", colspan: String(cells.length) }, `${node.problem} ${nextTry(node)}`)));
    return rows;
  }

  async #fetch(node, button) {
    button.disabled = true; // the row is drawn anew when the visit has ended
    try {
      await post(`nodes/${encodeURIComponent(node.node)}/fetch/`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.took({ ...node, problem: error.message });
    }
  }
}

function stateOf({ problem, last_ok_at: last }) {
  if (problem) return ["fault", "Failed"];
  return last ? ["ok", "Fetched"] : ["off", "Not visited yet"];
}

function nextTry({ next_at: next }) {
  const left = next ? (parse(next) - serverNow()) / 1000 : 0;
  return `Tried again ${left > 0 ? `in ${span(Math.ceil(left))}` : "now"}.`;
}
