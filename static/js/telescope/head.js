// The first line: what the telescope does, and what troubles it.
import { $, notice, say, status, text } from "../dom.js";
import { num } from "../format.js";
import { slots } from "../looks.js";
import { sentences, telescopeStatus } from "../words.js";
import { away, trouble } from "./state.js";

export class Head {
  constructor() {
    this.facts = slots($("#facts"));
    this.before = null;
  }

  draw({ entry, state, linked, connected, now }) {
    const [s, word] = telescopeStatus(entry, linked, now);
    status($("#headline"), s, word);
    if (linked && this.before !== null && this.before !== word) say(word, s === "fault" || s === "warn");
    if (linked) this.before = entry ? word : null;
    const { telemetry, camera, connection } = state ?? {};
    this.chip("role", connected && connection.role === "host" && "Master lock held");
    this.chip("battery", connected && telemetry.battery_percent !== null && `Battery ${num(telemetry.battery_percent)} %`);
    this.chip("sensor", connected && camera.sensor_temperature_c !== null && `Sensor ${num(camera.sensor_temperature_c, 1)} °C`);
    $("#session-chip").hidden = !state?.session;
    text($("#session-chip b"), state?.session?.id ?? "");
    const found = trouble(entry);
    $("#trouble").hidden = !found;
    if (found) notice($("#trouble"), found[0], ...sentences(found[1]));
    $("#trouble .btn").hidden = !away(entry);
  }

  chip(name, words) {
    this.facts[name].hidden = !words;
    text(this.facts[name], words || "");
  }
}
