// The state line: within two seconds it answers whether anything needs somebody.
import { local } from "../clock.js";
import { $, $$, say, status, text } from "../dom.js";
import { interval, num, room } from "../format.js";
import { cameraStatus, telescopeStatus } from "../words.js";
import { slots } from "../looks.js";

/** Free space as time at the pace of the running session, or null. */
export function roomLeft(state) {
  const { run, session, disk_free_bytes: free } = state ?? {};
  return room(free, session?.frames ? session.bytes / session.frames : null, run?.interval_s);
}

export class Head {
  constructor() {
    this.headline = $("#headline");
    this.facts = slots($("#facts"));
    this.telescopes = $$("[data-telescope]").map((panel) => panel.dataset.telescope);
    this.before = null;
  }

  draw({ live, linked, cameras, state, now }) {
    const [s, words] = this.state(live, linked, cameras, now);
    status(this.headline, s, words);
    // Said when it changes between quiet and trouble, not with every frame.
    if (linked && this.before !== null && this.before !== `${s} ${words}`) say(words, s === "fault");
    if (linked) this.before = `${s} ${words}`;

    const run = state?.run;
    $("#facts").hidden = !run;
    if (run) {
      text($("[data-t]", this.facts.pace), `every ${interval(run.interval_s)}`);
      text($("[data-t]", this.facts.count), run.frames === 1 ? "1 frame" : `${num(run.frames)} frames`);
    }
    const chip = $("#session-chip");
    chip.hidden = !state?.session;
    text($("b", chip), state?.session?.id ?? "");
    const left = roomLeft(state);
    $("#room").hidden = !left;
    text($("[data-f=room]"), `Room for ${left}`);
    this.tick({ now });
  }

  state(live, linked, cameras, now) {
    if (!linked) return ["stale", live.link === "connecting" ? "No data yet" : "Not live"];
    if (!cameras.ids.length) return ["off", "No camera"];
    const all = cameras.ids.map((id) => {
      const entry = live.devices.get(`camera/${id}`);
      return { name: entry?.state?.name ?? cameras.configured(id).name, entry, status: cameraStatus(entry, linked, now) };
    });
    const telescopes = this.telescopes.map((number) => {
      const entry = live.devices.get(`telescope/${number}`);
      return { name: entry?.state?.name ?? "Telescope", status: telescopeStatus(entry, linked, now) };
    });
    for (const kind of ["fault", "stale", "warn"]) {
      const worst = [...all, ...telescopes].find(({ status: [s] }) => s === kind);
      if (worst) return [kind, `${worst.name}: ${kind === "stale" ? "no data" : worst.status[1].toLowerCase()}`];
    }
    const capturing = all.filter(({ entry }) => entry.state.capturing).length;
    if (!capturing) return ["off", "Idle"];
    return ["ok", all.length === 1 ? "Capturing" : `Capturing, ${capturing} of ${all.length} cameras`];
  }

  tick({ now }) {
    text($("#night"), local.night(now));
  }
}
