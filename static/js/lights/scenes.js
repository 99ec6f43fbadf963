// Scenes and the show.
import { $, attr, icon, keyed, make, text } from "../dom.js";
import { looks, slots } from "../looks.js";
import { armTwoStep } from "../twostep.js";
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
    this.edit = $("#scenes-edit");
    this.edit.addEventListener("click", () => {
      attr(this.edit, "aria-pressed", String(!this.removing));
      this.list();
      this.page.redraw();
    });
    $("#show-start").addEventListener("click", () => this.run("/show/start"));
    $("#show-pause").addEventListener("click", () => this.run(this.state?.show.paused ? "/show/resume" : "/show/pause"));
    $("#show-stop").addEventListener("click", () => this.run("/show/stop"));
    $("#show-scenes").addEventListener("click", () => this.compose());
  }

  /** Whether a press on a scene removes it. */
  get removing() {
    return this.edit.ariaPressed === "true";
  }

  async run(path) {
    if (this.page.may()) await this.page.command("POST", path);
  }

  async save(colour) {
    const [name, fade] = [$("#scene-name").value.trim(), Number($("#scene-fade").value.replace(",", "."))];
    if (!name) return this.page.fault("A scene needs a name.");
    if (!(fade >= 0 && fade <= 3600)) return this.page.fault("A fade takes 0 to 3600 s.");
    const [r, g, b] = colour.wanted;
    const known = this.scenes.findIndex((scene) => scene.name.toLowerCase() === name.toLowerCase());
    const fresh = { ...this.scenes[known], name, rgb: { r, g, b }, role: colour.role, fadeMs: Math.round(fade * 1000) };
    const scenes = known < 0 ? [...this.scenes, fresh] : this.scenes.with(known, fresh);
    if (await this.page.command("PUT", "/scenes", scenes)) $("#scene-name").value = "";
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
    const { running, paused, step } = this.state.show;
    [...this.facts.cues.children].forEach((cue, n) => attr(cue, "aria-current", n === step ? "step" : null));
    const why = !this.show.steps.length ? "The show has no steps." : this.state.interlock.enforced ? "Shows wait for the end of the exposure." : "";
    text($("#show-why"), why);
    attr($("#show-start"), "aria-disabled", why ? "true" : null);
    const pause = $("#show-pause");
    attr(pause, "aria-disabled", running ? null : "true");
    const word = paused ? "Go on" : "Pause";
    if (pause.textContent !== word) pause.replaceChildren(icon(paused ? "play" : "pause"), word);
    attr($("#show-stop"), "aria-disabled", running ? null : "true");
    attr($("#show-scenes"), "aria-disabled", this.scenes.length ? null : "true");
  }

  list() {
    this.facts.empty.hidden = this.scenes.length > 0;
    this.edit.hidden = !this.scenes.length;
    if (this.edit.hidden) attr(this.edit, "aria-pressed", "false");
    attr(this.facts.list, "data-removing", this.removing);
    this.edit.lastChild.textContent = this.removing ? "Done" : "Remove";
    keyed(this.facts.list, this.scenes.map((scene) => [JSON.stringify([this.removing, scene]), () => this.button(scene)]));
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
    const what = [scene.role && scene.role !== "main" ? scene.role : "", scene.rgb ? look(scene).join(", ") : "", count ? `${count} channels` : "", scene.fadeMs ? `${scene.fadeMs / 1000} s` : ""];
    const button = make("button", { class: "btn scene", type: "button", "data-scene": scene.id, "aria-pressed": "false" }, shade);
    button.append(make("span", {}, scene.name, make("small", {}, what.filter(Boolean).join(" · "))));
    if (this.removing) {
      button.dataset.confirm = `Remove ${scene.name}?`;
      armTwoStep(button);
      button.addEventListener("skycam:do", () => this.page.command("PUT", "/scenes", this.scenes.filter(({ id }) => id !== scene.id)));
    } else button.addEventListener("click", () => this.run(`/scenes/${encodeURIComponent(scene.id)}/recall`));
    return button;
  }
}

/** The colour that stands for a scene: its own, or its first three channels. */
function look(scene) {
  if (!scene) return [0, 0, 0];
  if (scene.rgb) return [scene.rgb.r, scene.rgb.g, scene.rgb.b];
  return ["1", "2", "3"].map((channel) => scene.channelValues[channel] ?? 0);
}
