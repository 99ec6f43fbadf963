// Scenes and the show.
import { $, attr, make, text } from "../dom.js";
import { looks, slots } from "../looks.js";
import { ask } from "./api.js";
import { swatch } from "./colour.js";

export class Scenes {
  constructor(page, colour) {
    this.page = page;
    this.panel = $("#scenes");
    this.facts = slots(this.panel);
    [this.scenes, this.show, this.version] = [[], { steps: [] }, null];
    $("#save-scene").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save(colour);
    });
    $("#show-start").addEventListener("click", () => this.run("/show/start"));
    $("#show-stop").addEventListener("click", () => this.run("/show/stop"));
    $("#show-scenes").addEventListener("click", () => this.compose());
  }

  async run(path) {
    if (this.page.may()) await this.page.command("POST", path);
  }

  async save(colour) {
    const [name, fade] = [$("#scene-name").value.trim(), Number($("#scene-fade").value.replace(",", "."))];
    if (!name) return this.page.fault("A scene needs a name.");
    if (!(fade >= 0 && fade <= 3600)) return this.page.fault("A fade takes 0 to 3600 s.");
    const [r, g, b] = colour.wanted;
    const fresh = { name, rgb: { r, g, b }, fadeMs: Math.round(fade * 1000) };
    if (await this.page.command("PUT", "/scenes", [...this.scenes, fresh])) $("#scene-name").value = "";
  }

  async compose() {
    const steps = this.scenes.map(({ id, fadeMs }) => ({ sceneId: id, fadeMs, holdMs: 5000 }));
    await this.page.command("PUT", "/show", { ...this.show, steps });
  }

  async draw({ entry, state, linked }) {
    looks(this.panel, entry, linked);
    if (!state) return;
    this.state = state;
    if (this.version !== state.library) {
      this.version = state.library;
      try {
        [this.scenes, this.show] = await Promise.all([ask("GET", "/scenes"), ask("GET", "/show")]);
      } catch {
        this.version = null; // the next state asks again
        return;
      }
      this.list();
      this.page.redraw(); // others choose among the scenes
    }
    for (const button of this.facts.list.children) attr(button, "aria-pressed", String(button.dataset.scene === this.state.scene));
    const { running, step } = this.state.show;
    [...this.facts.cues.children].forEach((cue, n) => attr(cue, "aria-current", n === step ? "step" : null));
    const why = !this.show.steps.length ? "The show has no steps." : this.state.interlock.enforced ? "Shows wait for the end of the exposure." : "";
    text($("#show-why"), why);
    attr($("#show-start"), "aria-disabled", why ? "true" : null);
    attr($("#show-stop"), "aria-disabled", running ? null : "true");
  }

  list() {
    this.facts.empty.hidden = this.scenes.length > 0;
    this.facts.list.replaceChildren(...this.scenes.map((scene) => this.button(scene)));
    text(this.facts.show, this.show.steps.length === 1 ? "1 step" : `${this.show.steps.length} steps`);
    const cues = this.show.steps.map(({ sceneId, fadeMs = 0, holdMs = 0 }, n) => {
      const scene = this.scenes.find(({ id }) => id === sceneId);
      const cue = make("li", {}, make("b", {}, String(n + 1)), scene?.name ?? "missing");
      swatch(cue, look(scene));
      cue.style.setProperty("--w", Math.max(1, Math.min(6, (fadeMs + holdMs) / 5000)));
      return cue;
    });
    this.facts.cues.replaceChildren(...cues);
  }

  button(scene) {
    const shade = make("i", { class: "swatch" });
    swatch(shade, look(scene));
    const count = Object.keys(scene.channelValues).length;
    const what = [scene.rgb ? look(scene).join(", ") : "", count ? `${count} channels` : "", scene.fadeMs ? `${scene.fadeMs / 1000} s` : ""];
    const button = make("button", { class: "btn scene", type: "button", "data-scene": scene.id, "aria-pressed": "false" }, shade);
    button.append(make("span", {}, scene.name, make("small", {}, what.filter(Boolean).join(" · "))));
    button.addEventListener("click", () => this.run(`/scenes/${encodeURIComponent(scene.id)}/recall`));
    return button;
  }
}

/** The colour that stands for a scene: its own, or its first three channels. */
function look(scene) {
  if (!scene) return [0, 0, 0];
  if (scene.rgb) return [scene.rgb.r, scene.rgb.g, scene.rgb.b];
  return ["1", "2", "3"].map((channel) => scene.channelValues[channel] ?? 0);
}
