// Which scene each moment of the night begins with, and the moment that it is.
import { $, $$, attr, make, text } from "../dom.js";
import { slots } from "../looks.js";

const NOW = { day: "It is day", twilight: "It is twilight", night: "It is night", capturing: "Capturing now", parked: "Parked now" };

export class Night {
  constructor(page, live, scenes) {
    this.page = page;
    this.live = live;
    this.scenes = scenes;
    this.panel = $("#night");
    this.facts = slots(this.panel);
    this.choices = $$("[data-moment]", this.panel);
    for (const choice of this.choices) choice.addEventListener("change", () => this.send());
  }

  async send() {
    const wanted = Object.fromEntries(this.choices.map(({ dataset, value }) => [dataset.moment, value || null]));
    this.drawn = null;
    await this.page.command("PUT", "/control/v1/lights/night/", wanted);
  }

  draw() {
    const state = this.live.devices.get("observatory")?.state;
    for (const choice of this.choices) choice.disabled = !state || !this.page.may(true);
    attr(this.panel, "data-state", state ? null : "stale");
    if (!state) return text(this.facts.moment, "No data");
    text(this.facts.moment, NOW[state.moment] ?? "Without a site the Sun says nothing");
    text(this.facts.waits, state.waits ? `The scene waits: ${state.waits}` : "Each begins once; what you set afterwards stays.");
    const key = JSON.stringify([state.scenes, this.scenes.scenes]);
    if (key === this.drawn) return;
    this.drawn = key;
    for (const choice of this.choices) {
      const chosen = state.scenes[choice.dataset.moment] ?? "";
      const known = (this.scenes.scenes ?? []).map(({ id, name }) => make("option", { value: id }, name));
      if (chosen && !known.some(({ value }) => value === chosen)) known.push(make("option", { value: chosen }, `${chosen} (missing)`));
      choice.replaceChildren(make("option", { value: "" }, "None"), ...known);
      choice.value = chosen;
    }
  }
}
