// The command buttons of a panel: refused with a reason beside them, busy while on the way, errors in the server's words.
import { post } from "./control.js";
import { $$, attr, icon, say } from "./dom.js";

const ROLE = document.body.dataset.role;
export const VIEWER = ROLE === "viewer";

/** Why nothing can be asked of a device now, or null. `what` is its word for people. */
export function silent(entry, what) {
  if (VIEWER) return "Needs the operator role.";
  if (!entry) return `Waiting for the ${what}’s state.`;
  return entry.state && !entry.problem ? null : `Not possible: the ${what}’s host does not answer.`;
}

export class Commands {
  /**
   * The buttons `[data-do]` in `root`; `line` takes reasons and errors. `actions` by name: {path, body, done, refused}.
   * `body()` gives what is sent, null for nothing (it has said why); `refused(error)` returns whether it has shown the refusal.
   */
  constructor(root, line, base, actions, changed) {
    Object.assign(this, { line, base, actions, changed, error: "", why: {} });
    this.buttons = Object.fromEntries($$("[data-do]", root).map((button) => [button.dataset.do, button]));
    for (const [name, button] of Object.entries(this.buttons)) {
      button.addEventListener(button.dataset.confirm ? "skycam:do" : "click", () => this.command(name));
    }
  }

  /** `why`: reasons by name of the commands that are not possible now. */
  refuse(why) {
    this.why = why;
    for (const [name, button] of Object.entries(this.buttons)) attr(button, "aria-disabled", name in why ? "true" : null);
    const shown = Object.keys(why).filter((name) => this.buttons[name] && !this.buttons[name].hidden);
    const words = this.error || [...new Set(shown.map((name) => why[name]))].join(" ");
    this.line.className = this.error ? "err why" : "small dim why";
    if (this.line.dataset.words === words) return;
    this.line.dataset.words = words;
    this.line.replaceChildren(...(this.error ? [icon("x")] : []), words);
  }

  async command(name) {
    const button = this.buttons[name];
    if (name in this.why || attrBusy(button)) return;
    this.error = "";
    const action = this.actions[name];
    const body = action.body ? action.body() : {};
    if (body) {
      attr(button, "aria-busy", "true");
      await this.send(action, body);
      attr(button, "aria-busy", null);
    }
    this.changed();
  }

  /** Send one action; a refusal is shown at its field when it has one, else in the line. */
  async send({ path, done, refused }, body) {
    this.error = "";
    try {
      await post(`${this.base}/${path}/`, body);
      say(done);
    } catch (error) {
      if (refused?.(error)) return;
      this.error = error.message;
      say(error.message, true);
    }
  }
}

const attrBusy = (button) => button.getAttribute("aria-busy") === "true";
