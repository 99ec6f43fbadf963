// The focuser: where it stands, small steps, and the telescope's own autofocus.
import { Commands } from "../commands.js";
import { $, attr, status, text } from "../dom.js";
import { num } from "../format.js";
import { looks, slots } from "../looks.js";
import { allOf, exposing, unable } from "./state.js";

const MOVES = ["in", "out", "auto"];

export class Focus {
  constructor({ base, changed }) {
    this.panel = $("#focus");
    this.facts = slots(this.panel);
    const move = (sign) => ({ path: "focus", done: "The focus moves", body: () => this.position(sign) });
    this.commands = new Commands(this.panel, $("#focus-why"), base, {
      in: move(-1),
      out: move(1),
      halt: { path: "halt-focus", done: "Halted" },
      auto: { path: "autofocus", done: "Focusing" },
    }, changed);
    $("#steps").addEventListener("change", changed);
  }

  draw({ entry, state, linked, connected, fresh }) {
    looks(this.panel, entry, linked);
    this.focus = connected ? state.focus : null;
    text(this.facts.position, num(this.focus?.position));
    const word = !fresh ? ["stale", entry ? "Not live" : "No data"] : !connected ? ["off", "Not connected"] : this.focus.moving ? ["busy", "Moving"] : ["ok", "At rest"];
    status(this.facts.state, ...word);
    const { buttons } = this.commands;
    attr(buttons.in, "aria-label", `Focus in ${$("#steps").value} steps`);
    attr(buttons.out, "aria-label", `Focus out ${$("#steps").value} steps`);
    attr(buttons.auto, "data-confirm", exposing(state) ? "Ends the exposure. Focus?" : "Press again: autofocus");
    this.commands.refuse(this.why(entry));
  }

  why(entry) {
    const reason = unable(entry);
    if (reason) return allOf([...MOVES, "halt"], reason);
    const why = this.focus.moving ? allOf(MOVES, "The focus moves.") : {};
    const { position, maximum } = this.focus;
    if (position === null) Object.assign(why, allOf(["in", "out"], "The position is not known."));
    else if (position <= 0) why.in = "At the inner end.";
    else if (position >= maximum) why.out = "At the outer end.";
    return why;
  }

  position(sign) {
    const { position, maximum } = this.focus;
    return { position: Math.min(maximum, Math.max(0, position + sign * Number($("#steps").value))) };
  }
}
