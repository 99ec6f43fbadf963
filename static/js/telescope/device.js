// The telescope as a device: who holds and controls it, what it tells of itself.
import { age } from "../clock.js";
import { Commands, silent } from "../commands.js";
import { $, status, text } from "../dom.js";
import { NONE, num, parse } from "../format.js";
import { looks, slots } from "../looks.js";

const PAGE = "page";
const OLD_S = 60;
const ROLES = { host: "Skycam", slave: "Another app", unknown: NONE };

export class Device {
  constructor({ base, changed }) {
    this.panel = $("#device");
    this.facts = slots(this.panel);
    this.commands = new Commands(this.panel, $("#device-why"), base, {
      connect: { path: "connect", done: "Connected" },
      disconnect: { path: "disconnect", done: "Disconnected" },
      take: { path: "take-control", done: "Control taken" },
    }, changed);
  }

  draw({ entry, state, linked, connected, fresh, live }) {
    looks(this.panel, entry, linked);
    const { connection, telemetry, camera } = state ?? {};
    const word = !fresh ? ["stale", entry ? "Not live" : "No data"] : this.word(connection);
    status(this.facts.state, ...word);
    const told = connected ? telemetry : {};
    text(this.facts.role, connected ? ROLES[connection.role] : NONE);
    text(this.facts.battery, unit(told.battery_percent, 0, "%") + (told.charging ? ", charging" : ""));
    text(this.facts.storage, storage(told));
    text(this.facts.temperature, unit(told.temperature_c, 1, "°C"));
    text(this.facts.sensor, unit(connected ? camera.sensor_temperature_c : null, 1, "°C"));
    text(this.facts.holders, state ? holders(state.clients) : NONE);
    // A host publishes when something changes; what is old is only old when nobody is heard.
    age(this.facts.age, state ? (fresh ? parse(state.updated_at) : linked ? entry.since : live.heardAt) : Number.NaN, fresh ? null : OLD_S);
    this.buttons(entry, state);
  }

  word({ connected, connecting, problem }) {
    if (connected) return ["ok", "Connected"];
    if (connecting) return problem ? ["warn", "Trying again"] : ["busy", "Connecting"];
    return ["off", "Not connected"];
  }

  buttons(entry, state) {
    const { buttons } = this.commands;
    const held = !!state?.clients.telescope.holding.includes(PAGE);
    buttons.connect.hidden = held;
    buttons.disconnect.hidden = !held;
    buttons.take.hidden = state?.connection.role !== "slave";
    const reason = silent(entry, "telescope");
    this.commands.refuse(reason ? { connect: reason, disconnect: reason, take: reason } : {});
  }
}

const unit = (value, digits, name) => (Number.isFinite(value) ? `${num(value, digits)} ${name}` : NONE);

function storage({ storage_free_gb: free, storage_total_gb: total }) {
  return Number.isFinite(total) ? `${unit(free, 1, "GB")} of ${num(total, 1)}` : unit(free, 1, "GB");
}

/** "the pages", "2 Alpaca clients": who keeps the telescope connected. */
function holders(clients) {
  const ids = new Set(Object.values(clients).flatMap(({ holding }) => holding));
  const words = ids.delete(PAGE) ? ["the pages"] : [];
  const others = ids.size;
  if (others) words.push(others === 1 ? "1 Alpaca client" : `${others} Alpaca clients`);
  return words.join(", ") || "nobody";
}
