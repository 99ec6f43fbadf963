// The selected camera: what it does, why it does not, and the commands for it.
import { age, local } from "../clock.js";
import { post } from "../control.js";
import { $, $$, attr, icon, notice, say, status, text } from "../dom.js";
import { NONE, exposure, num, parse, span } from "../format.js";
import { cameraStatus, sentences } from "../words.js";
import { Fields } from "./fields.js";
import { looks, slots } from "../looks.js";

const ROLE = document.body.dataset.role;
const known = Number.isFinite;
const DONE = { start: "The run uses these settings", stop: "Stopped", single: "One frame is being taken", connect: "Connected", disconnect: "Disconnected" };

export class Capture {
  constructor() {
    this.panel = $("#capture");
    this.facts = slots(this.panel);
    this.buttons = Object.fromEntries($$("[data-do]", this.panel).map((button) => [button.dataset.do, button]));
    this.fields = new Fields($("#fields"));
    this.error = "";
    for (const [name, button] of Object.entries(this.buttons)) {
      button.addEventListener(button.dataset.confirm ? "skycam:do" : "click", () => this.command(name));
    }
    for (const change of ["input", "skycam:undone"]) $("#fields").addEventListener(change, () => this.draw(this.view));
    // Enter in a field does what the primary button does.
    $("#fields").addEventListener("submit", (event) => {
      event.preventDefault();
      this.command("start");
    });
  }

  draw(view) {
    const { id, live, entry, state, linked, fresh, now, cameras } = view;
    if (this.id !== id) [this.id, this.error, this.next] = [id, "", Number.NaN];
    this.view = view;
    looks(this.panel, entry, linked);
    status($("#camera-status"), ...cameraStatus(entry, linked, now));
    age($("#state-age"), fresh || !state ? Number.NaN : linked ? entry.since : live.heardAt, 0);
    this.reason(entry, state);
    const [value, unit] = exposure(state?.settings?.exposure_s);
    text($("[data-f=value]", $("#exposure-now")), value);
    text($("[data-f=unit]", $("#exposure-now")), unit);
    this.run(state);
    this.fields.draw(state, { id, interval: cameras.configured(id).interval, locked: ROLE === "viewer" });
    this.body(state);
    this.refuse();
    this.tick(view);
  }

  reason(entry, state) {
    const box = $("#reason");
    const words = entry?.problem || (["fault", "absent", "recovering", "busy"].includes(state?.state) ? state.reason : "");
    if (!words) {
      box.hidden = true;
      return;
    }
    const [what, more] = sentences(words);
    const kind = entry.problem ? "warn" : state.state === "fault" ? "fault" : state.state === "busy" ? "busy" : "warn";
    const since = parse(state?.state_since);
    const when = !entry.problem && Number.isFinite(since) ? `Since ${local.time(since, this.view.now)}.` : "";
    notice(box, kind, what, [when, more].filter(Boolean).join(" "));
  }

  run(state) {
    const { run } = state ?? {};
    const gap = run?.gaps?.at(-1);
    text(this.facts["frames-l"], run ? "Frames in this run" : "Frames in session");
    text(this.facts.frames, num(run ? run.frames : state?.session?.frames));
    text(this.facts.missed, num(run?.missed_slots));
    text(this.facts.gap, gap ? gapText(gap) : "");
    this.facts.gap.hidden = !gap;
  }

  /** What the camera tells of itself; what it does not tell is not there. */
  body(state) {
    const { battery_percent: battery, card_free_images: card, temperature_c: temperature, watchdog_kills: kills } = state ?? {};
    const words = {
      battery: known(battery) && `Battery ${num(battery)} %`,
      card: known(card) && `Card: room for ${num(card)}`,
      temperature: known(temperature) && `Camera ${num(temperature, 1)} °C`,
      kills: kills > 0 && `Driver restarted ${kills === 1 ? "once" : `${kills} times`}`,
    };
    for (const [name, word] of Object.entries(words)) {
      text(this.facts[name], word || "");
      this.facts[name].hidden = !word;
    }
    $("#body-facts").hidden = !Object.values(words).some(Boolean);
  }

  tick({ state, fresh, now }) {
    const { run, exposure: taken } = state ?? {};
    // While a frame is taken its host cannot know the next slot: it is one interval after the start of this one.
    const slot = taken ? parse(taken.started_at) + 1000 * run?.interval_s : Number.NaN;
    this.next = parse(run?.next_frame_at) || slot || (run ? this.next : Number.NaN);
    const { next } = this;
    const left = Math.max(0, Math.ceil((next - now) / 1000));
    text(this.facts.next, fresh && Number.isFinite(next) ? span(left) : NONE);
  }

  /** Which commands are not possible now, and the reason beside them. */
  refuse() {
    const { state, entry } = this.view;
    const why = {};
    if (ROLE === "viewer") {
      for (const name of Object.keys(this.buttons)) why[name] = "Needs the operator role.";
    } else if (!entry || !state || entry.problem) {
      const reason = entry ? "Not possible: the camera’s host does not answer." : "Waiting for the camera’s state.";
      for (const name of Object.keys(this.buttons)) why[name] = reason;
    } else if (state.capturing) {
      if (!this.fields.dirty) why.start = "The run uses these settings.";
      why.single = "A single frame has to wait for the end of the run.";
    } else {
      if (!["exposing", "downloading"].includes(state.state)) why.stop = "No run to stop.";
      else why.start = why.single = "A frame is being taken.";
      if (state.state === "connecting") why.connect = "Connecting.";
    }
    for (const [name, button] of Object.entries(this.buttons)) attr(button, "aria-disabled", name in why ? "true" : null);
    const connected = !!state?.connected;
    text(this.buttons.start.lastChild, state?.capturing ? "Apply" : "Start");
    this.buttons.connect.hidden = connected;
    this.buttons.disconnect.hidden = !connected;
    const line = $("#why");
    const words = this.error || [...new Set(Object.values(why))].join(" ");
    line.className = this.error ? "err why" : "small dim why";
    if (line.dataset.words !== words) {
      line.dataset.words = words;
      line.replaceChildren(...(this.error ? [icon("x")] : []), words);
    }
  }

  async command(name) {
    const button = this.buttons[name];
    if (button.getAttribute("aria-disabled") === "true" || button.getAttribute("aria-busy") === "true") return;
    const { id } = this.view;
    this.error = "";
    let body = {};
    if (name === "start" || name === "single") {
      body = this.fields.read(name);
      if (!body) return;
    }
    attr(button, "aria-busy", "true");
    try {
      await post(`cameras/${encodeURIComponent(id)}/${name}/`, body);
      if (name === "start") this.fields.clean();
      say(DONE[name]);
    } catch (refused) {
      if (!this.fields.refuse(refused.field, refused.message)) {
        this.error = refused.message;
        say(refused.message, true);
      }
    } finally {
      attr(button, "aria-busy", null);
      this.view.live.changed();
    }
  }
}

function gapText(gap) {
  const [from, to] = [parse(gap.from), parse(gap.to)];
  const long = known(to) ? `${span(Math.round((to - from) / 1000))} at` : "since";
  return `Last gap ${long} ${local.time(from)}: ${gap.reason}`;
}
