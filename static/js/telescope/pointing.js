// Where the telescope points, and everything that moves it.
import { age } from "../clock.js";
import { Commands, VIEWER } from "../commands.js";
import { $, attr, icon, status, text } from "../dom.js";
import { NONE, decText, degreesText, parse, raText, smallAngle } from "../format.js";
import { looks, slots } from "../looks.js";
import { Dome } from "./dome.js";
import { Pad } from "./pad.js";
import { horizontal, place } from "./sky.js";
import { allOf, exposing, unable } from "./state.js";

const HINT = "A name (M 31, Vega, Jupiter), or RA and Dec (0 42 44 +41 16 09).";
const MOVES = ["slew", "calibrate", "move"];
const WELL_ARCSEC = 180;

export class Pointing {
  constructor({ base, changed }) {
    this.panel = $("#point");
    this.facts = slots(this.panel);
    this.input = $("#where");
    const { lat, lon, horizon } = $("#main").dataset;
    this.site = { lat: Number(lat), lon: Number(lon) };
    this.dome = new Dome($("#dome"), Number(horizon));
    const slew = { path: "slew", done: "Slewing", body: () => this.wanted(), refused: (error) => this.refused(error) };
    this.commands = new Commands(this.panel, $("#point-why"), base, {
      slew,
      stop: { path: "abort", done: "Stopped" },
      park: { path: "park", done: "Parking" },
      unpark: { path: "unpark", done: "Unparked" },
      calibrate: { path: "calibrate", done: "Calibrating" },
    }, changed);
    this.pad = new Pad($("#pad"), $("#rate"), base, {
      possible: () => !this.commands.why.move,
      failed: (error) => {
        this.commands.error = error.message;
        changed();
      },
    });
    this.track = $("#track");
    this.track.addEventListener("change", () => this.setTracking(changed));
    this.input.addEventListener("input", () => {
      this.commands.buttons.slew.dispatchEvent(new Event("blur")); // what was armed was another target
      this.say("");
    });
    $("#goto").addEventListener("submit", (event) => {
      event.preventDefault();
      this.commands.buttons.slew.click(); // armed by the first Enter, done by the second
    });
    this.say("");
  }

  // ---- what is shown

  draw(view) {
    const { entry, state, linked, connected, live, fresh, now } = view;
    looks(this.panel, entry, linked);
    const mount = connected ? state.mount : null;
    const known = !!mount?.position_known;
    text(this.facts.ra, raText(known ? mount.ra_hours : null));
    text(this.facts.dec, decText(known ? mount.dec_deg : null));
    text(this.facts.altaz, known ? `${degreesText(mount.altitude_deg)}, ${degreesText(mount.azimuth_deg)}` : NONE);
    text(this.facts.target, mount?.target_name || NONE);
    status(this.facts.off, ...this.offset(view, mount, known));
    age(this.facts.solved, known && fresh ? parse(mount.solved_at) : Number.NaN);
    if (!this.busy) this.track.checked = !!mount?.tracking;
    this.buttons(view, mount);
    // What moves by hand stops with the connection: the telescope within 1.5 s by itself, the page's key at once.
    if (live.link !== "open") this.pad.halt();
    this.sky(mount, known, now);
  }

  offset({ entry, linked, connected }, mount, known) {
    if (!entry || entry.problem || !linked) return ["stale", entry ? "Not live" : "No data"];
    if (!connected) return ["off", "Not connected"];
    if (mount.residual_arcsec !== null) return [mount.residual_arcsec <= WELL_ARCSEC ? "ok" : "warn", `${smallAngle(mount.residual_arcsec)} off`];
    return known ? ["info", "Not checked"] : ["off", "Place not known"];
  }

  sky(mount, known, now) {
    const target = mount && mount.target_ra_hours !== null ? horizontal(mount.target_ra_hours, mount.target_dec_deg, this.site, now) : null;
    const at = known ? { altitude: mount.altitude_deg, azimuth: mount.azimuth_deg } : null;
    this.dome.draw(at, target && target.altitude >= 0 ? { ...target, name: mount.target_name } : null);
  }

  tick({ connected, state, now }) {
    if (connected) this.sky(state.mount, state.mount.position_known, now);
  }

  // ---- what can be asked

  buttons({ entry, state }, mount) {
    const { buttons } = this.commands;
    const reason = unable(entry);
    const why = reason ? allOf([...MOVES, "stop", "park", "unpark"], reason) : {};
    if (!reason && mount.parked) Object.assign(why, allOf(MOVES, "Parked: unpark first."));
    else if (!reason && mount.calibrating) Object.assign(why, allOf(MOVES, "Calibrating."));
    buttons.park.hidden = !!mount?.parked;
    buttons.unpark.hidden = !mount?.parked;
    attr(buttons.slew, "data-confirm", exposing(state) ? "Ends the exposure. Slew?" : "Press again: slew");
    attr(buttons.park, "data-confirm", exposing(state) ? "Ends the exposure. Park?" : "Press again: park");
    for (const key of this.pad.keys) attr(key, "aria-disabled", "move" in why ? "true" : null);
    this.track.disabled = VIEWER || !!reason || mount.parked;
    this.commands.refuse(why);
  }

  async setTracking(changed) {
    this.busy = true;
    await this.commands.send({ path: "track", done: this.track.checked ? "Tracking" : "Not tracking" }, { on: this.track.checked });
    this.busy = false;
    changed();
  }

  /** What the field says, for the slew command; null when it cannot be meant. */
  wanted() {
    const found = place(this.input.value);
    if (!found.wrong) return found;
    this.say(found.wrong);
    this.input.focus();
    return null;
  }

  /** Whatever forbids a slew is said where its target was typed. */
  refused(error) {
    this.say(error.message);
    return true;
  }

  /** An error at the field, or its hint: what was understood of coordinates, and how high that is now. */
  say(error) {
    const hint = $("#where-hint");
    attr(this.input, "aria-invalid", error ? "true" : null);
    hint.className = error ? "err" : "hint";
    hint.replaceChildren(...(error ? [icon("x"), error] : [this.understood()]));
  }

  understood() {
    const found = place(this.input.value);
    return "ra_hours" in found ? `RA ${raText(found.ra_hours)}, Dec ${decText(found.dec_deg)}` : HINT;
  }
}
