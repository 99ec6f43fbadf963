// Outputs, inputs, fixtures, master and the channel monitor.
import { age } from "../clock.js";
import { $, attr, make, status, text } from "../dom.js";
import { parse } from "../format.js";
import { looks, slots } from "../looks.js";
import { ask } from "./api.js";
import { label } from "./colour.js";

const MONITOR_MS = 500;

export class Outputs {
  constructor(page) {
    this.page = page;
    this.panel = $("#outputs");
    this.facts = slots(this.panel);
  }

  draw({ entry, state, linked }) {
    looks(this.panel, entry, linked);
    if (!state) return;
    const rows = [...state.outputs, ...state.inputs];
    const ill = rows.filter(({ ok, required }) => !ok && required !== false).length;
    if (!linked || entry.problem) status(this.facts.sum, "stale", "Not live");
    else if (!rows.length) status(this.facts.sum, "off", "None configured");
    else status(this.facts.sum, ill ? "warn" : "ok", ill ? `${ill} of ${rows.length}` : "All work");
    const devices = Object.entries(state.devices).map(([name, { online, heardAt }]) => this.row(name, online ? "ok" : "off", online ? "online" : "offline", heardAt));
    const drawn = rows.map((row) => {
      const s = row.ok ? "ok" : row.required === false ? "off" : "warn";
      const fact = row.ok ? row.detail : row.reason;
      return this.row(row.name, s, fact, parse(row.last_at), row.driver === "enttec" && !row.ok);
    });
    this.facts.list.replaceChildren(...drawn, ...devices);
  }

  row(name, s, fact, at, mendable = false) {
    const shape = make("span", { class: "status" });
    status(shape, s, name);
    const row = make("li", {}, shape, make("span", { class: "dim" }, fact));
    if (mendable) {
      const button = make("button", { class: "btn quiet slim", type: "button" }, "Reconnect");
      button.addEventListener("click", () => this.page.command("POST", "/usb/reconnect"));
      row.append(button);
    } else {
      const when = make("span", { class: "age" });
      age(when, at);
      row.append(when);
    }
    return row;
  }
}

export class Rig {
  constructor(page) {
    this.page = page;
    this.panel = $("#rig");
    this.facts = slots(this.panel);
    $("#add-fixture").addEventListener("submit", (event) => {
      event.preventDefault();
      this.add();
    });
    const master = $("#master");
    master.addEventListener("input", () => {
      text(this.facts.master, master.value);
      this.touchedAt = performance.now();
    });
    master.addEventListener("change", () => page.command("PUT", "/control/v1/lights/master/", { master: Number(master.value) }));
    const monitor = this.facts.monitor;
    this.slots = Array.from({ length: 512 }, (_, n) => make("li", { title: `channel ${n + 1}` }, "0"));
    monitor.addEventListener("toggle", () => {
      if (monitor.open && !$("ol", monitor).children.length) $("ol", monitor).append(...this.slots);
    });
    setInterval(() => monitor.open && !document.hidden && this.look(), MONITOR_MS);
  }

  async look() {
    const values = await ask("GET", "/control/v1/lights/channels/0/").catch(() => null);
    values?.forEach((value, n) => {
      text(this.slots[n], String(value));
      attr(this.slots[n], "data-on", value > 0);
    });
  }

  patch() {
    return this.state.fixtures.map(({ name, role, universe, start, profile, bits }) => ({ name, role, universe, start, profile, bits }));
  }

  async add() {
    const [profile, bits] = $("#fx-kind").value.split(" ");
    const fresh = { name: $("#fx-name").value.trim(), role: $("#fx-role").value, universe: Number($("#fx-universe").value), start: Number($("#fx-start").value), profile, bits: Number(bits) };
    if (await this.page.command("PUT", "/control/v1/lights/fixtures/", [...this.patch(), fresh])) $("#fx-name").value = "";
  }

  draw({ entry, state, linked }) {
    looks(this.panel, entry, linked);
    if (!state) return;
    this.state = state;
    if (!(performance.now() - this.touchedAt < 1500)) {
      $("#master").value = state.master;
      $("#master").style.setProperty("--fill", `${(state.master / 255) * 100}%`);
      text(this.facts.master, String(state.master));
    }
    const names = JSON.stringify(this.patch());
    if (names === this.names) return;
    this.names = names;
    this.facts.rows.replaceChildren(...state.fixtures.map((fixture) => this.row(fixture)));
  }

  row({ name, role, universe, start, profile, bits }) {
    const parts = { dimmer: 1, rgb: 3, rgbw: 4 }[profile];
    const last = start + (parts * bits) / 8 - 1;
    const action = make("td", { class: "r" });
    if (role !== "main") {
      const button = make("button", { class: "btn quiet slim", type: "button", "aria-label": `Remove ${label(name)}` }, "Remove");
      button.addEventListener("click", () => this.page.command("PUT", "/control/v1/lights/fixtures/", this.patch().filter((row) => row.name !== name)));
      action.append(button);
    }
    const cells = [make("td", { class: "r num opt" }, String(universe)), make("td", { class: "r num" }, last === start ? String(start) : `${start}–${last}`)];
    return make("tr", {}, make("th", { scope: "row" }, label(name)), make("td", { class: "opt" }, role), ...cells, make("td", {}, `${profile}, ${bits} bit`), action);
  }
}
