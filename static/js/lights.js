// Lights: what is lit, what a person wants, and why it is not both.
import { serverNow, tick } from "./clock.js";
import { connect } from "./connection.js";
import { $, attr, notice, say, status, text } from "./dom.js";
import { parse, span } from "./format.js";
import { ask } from "./lights/api.js";
import { Colour } from "./lights/colour.js";
import { Flats } from "./lights/flats.js";
import { Night } from "./lights/night.js";
import { Outputs, Rig } from "./lights/outputs.js";
import { Projects } from "./lights/projects.js";
import { Scenes } from "./lights/scenes.js";

const ROLE = document.body.dataset.role;
const live = connect();

const page = {
  /** Whether this person may run devices; says so when not. */
  may(quietly = false) {
    if (ROLE !== "viewer") return true;
    if (!quietly) page.fault("Needs the operator role.");
    return false;
  },
  fault(words) {
    $("#error").hidden = !words;
    text($("#error"), words);
    if (words) say(words, true);
  },
  /** Ask for something; whether it was done. What is refused is said on the page. */
  async command(method, path, body) {
    if (!page.may()) return page.redraw(), false;
    try {
      await ask(method, path, body);
      page.fault("");
      return true;
    } catch (error) {
      page.fault(error.message);
      page.redraw();
      return false;
    }
  },
  redraw: () => draw(),
};

const colour = new Colour(page);
const scenes = new Scenes(page, colour);
const panels = [colour, scenes, new Night(page, live, scenes), new Outputs(page), new Rig(page), new Projects(page), new Flats(page, live)];
const known = () => live.devices.get("lighting");

function headline(entry, state, linked) {
  const element = $("#headline");
  $("#facts").hidden = !state;
  if (!linked) return status(element, "stale", live.link === "connecting" ? "No data yet" : "Not live");
  if (!entry) return status(element, "stale", "No data yet");
  if (entry.problem) return status(element, "fault", "The lights’ engine does not answer");
  text($("[data-f=seq]"), String(state.rgb.seq));
  text($("[data-f=by]"), sender(state.rgb.updatedBy));
  const lit = state.fixtures.filter(({ colour: [r, g, b] }) => r || g || b).length;
  if (state.failed.length) return status(element, "fault", `Failed: ${state.failed.join(", ")}`);
  if (state.interlock.enforced) return status(element, "busy", "Locked");
  return status(element, "ok", lit ? (lit === 1 ? "1 fixture lit" : `${lit} fixtures lit`) : "Dark");
}

const OURS = { interlock: "the interlock", restore: "a backup", project: "the project", blackout: "the blackout", ha: "Home Assistant" };
const MODES = { normal: "any colour", dark: "red only", blackout: "no light" };

/** Who made the state, in words: programs say `scene:<id>`, `mode:dark` and the like. */
function sender(by) {
  const [kind, id] = [by.split(":", 1)[0], by.slice(by.indexOf(":") + 1)];
  if (by === "init") return "nothing set yet";
  if (by === "ui") return "set on a page";
  if (kind === "scene" && by !== kind) return `scene ${scenes.scenes.find((scene) => scene.id === id)?.name ?? id}`;
  if (kind === "mode" && by !== kind) return `mode ${MODES[id] ?? id}`;
  return `set by ${OURS[kind] ?? by}`;
}

const BETWEEN_MS = 30_000;
let heldAt = -Infinity;

/** What an exposure means for the lights. Between two of a run it stays, so that nothing below moves under a finger. */
function lock(state, linked) {
  const [box, interlock] = [$("#lock"), state?.interlock];
  const counts = linked && interlock && interlock.policy !== "off";
  const held = counts && (interlock.leases.length || interlock.override);
  if (held) heldAt = performance.now();
  box.hidden = !counts || performance.now() - heldAt > BETWEEN_MS;
  if (box.hidden) return;
  const override = $("#override");
  override.hidden = $("#reason").closest("p").hidden = interlock.policy !== "enforce" || !!interlock.override;
  attr(override, "aria-disabled", interlock.enforced ? null : "true");
  $("#override-end").hidden = !interlock.override;
  if (!held) return notice(box, "info", "Between two exposures.", "What you set now shines until the next one begins.");
  const last = [...interlock.leases].sort((a, b) => (a.ends_at < b.ends_at ? 1 : -1))[0];
  const until = interlock.override ? interlock.override_ends_at : last.ends_at;
  const left = span(Math.max(0, Math.round((parse(until) - serverNow()) / 1000)));
  const enforced = interlock.enforced;
  const what = interlock.override ? `Overridden: ${interlock.override}, ${left} left.` : `${last.id} is exposing, ${left} left.`;
  const more = enforced ? `What you set now waits for the end. Beacons up to level ${interlock.beaconMax} stay allowed.` : "Light is possible and is noted with the frame.";
  notice(box, enforced ? "busy" : "warn", what, more);
}

function draw() {
  const entry = known();
  const [state, linked] = [entry?.state ?? null, live.link === "open"];
  headline(entry, state, linked);
  lock(state, linked && !entry?.problem);
  for (const panel of panels) panel.draw({ entry, state, linked });
}

function blackout() {
  if (!page.may()) return;
  colour.blackout();
}
$("#blackout").addEventListener("click", blackout);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=range], [type=radio]), select, textarea");
  if (event.key.toLowerCase() === "b" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing) blackout();
});
$("#override").addEventListener("skycam:do", async () => {
  const reason = $("#reason").value.trim();
  if (!reason) {
    page.fault("Say why: the reason is kept with the frame.");
    $("#reason").focus();
  } else if (await page.command("POST", "/control/v1/lights/override/", { reason })) {
    $("#reason").value = "";
  }
});
$("#override-end").addEventListener("click", () => page.command("DELETE", "/control/v1/lights/override/"));
live.onchange(draw);
tick(() => lock(known()?.state, live.link === "open" && !known()?.problem));
