// Protect, verify, retrieve, delete: commands to the control API, refused with a reason where the role does not allow them.
import { post } from "../control.js";
import { $, $$, attr, say, text } from "../dom.js";
import { num } from "../format.js";
import { slots } from "../looks.js";

const RANK = ["viewer", "operator", "owner"];
const NEEDED = { protect: "operator", verify: "operator", retrieve: "operator", delete: "owner" };
const may = (name) => RANK.indexOf(document.body.dataset.role) >= RANK.indexOf(NEEDED[name]);

export class Actions {
  constructor(session, main) {
    Object.assign(this, { session, main, line: $("#act-why") });
    for (const button of $$("[data-do]", main)) {
      const name = button.dataset.do;
      if (may(name)) button.addEventListener("click", () => this[name](button));
      else {
        attr(button, "aria-disabled", "true");
        button.addEventListener("click", () => this.say(`Needs the ${NEEDED[name]} role.`));
      }
    }
    this.dialog = $("#deletion");
    if (this.dialog) this.prepare(slots(this.dialog), $("#typed", this.dialog));
  }

  say(words) {
    this.line.hidden = !words;
    text(this.line, words);
    if (words) say(words, true);
  }

  /** Send one command; its refusal stands in the line above the page. */
  async send(button, path, body, done) {
    if (button.getAttribute("aria-busy") === "true") return;
    attr(button, "aria-busy", "true");
    this.say("");
    try {
      done(await post(`sessions/${this.session}/${path}/`, body));
    } catch (error) {
      this.say(error.message);
    } finally {
      attr(button, "aria-busy", null);
    }
  }

  protect(button) {
    const protect = button.getAttribute("aria-pressed") !== "true";
    this.send(button, "protect", { protected: protect }, () => {
      attr(button, "aria-pressed", String(protect));
      attr(this.main, "data-protected", protect);
      text($(".word", button), protect ? "Protected" : "Protect");
      say(protect ? "Protected: nothing deletes it" : "No longer protected");
    });
  }

  verify(button) {
    const shown = $("[data-f=verified]");
    text(shown, "Reading every byte");
    this.send(button, "verify", {}, ({ ok, blocks, problems = [] }) => {
      text(shown, ok ? `Whole: ${blocks === 1 ? "1 checksum is" : `${num(blocks)} checksums are`} right.` : problems.join(" "));
      say(shown.textContent);
    }).then(() => {
      if (!this.line.hidden) text(shown, "");
    });
  }

  retrieve(button) {
    this.send(button, "retrieve", {}, () => {
      const shown = $("[data-f=retrieval]");
      text(shown, "Being fetched from the archive. This page shows the frames when they are here.");
      say(shown.textContent);
      button.hidden = true;
      this.main.setAttribute("data-retrieving", "");
    });
  }

  delete(button) {
    if (this.main.hasAttribute("data-protected")) return this.say("This session is protected. Take the protection away first.");
    $("#typed", this.dialog).value = "";
    this.armed(false);
    this.dialog.showModal();
    $("[value=keep]", this.dialog).focus();
    this.button = button;
  }

  armed(on) {
    attr($("[data-f=go]", this.dialog), "aria-disabled", on ? null : "true");
  }

  prepare(f, typed) {
    typed.addEventListener("input", () => this.armed(typed.value.trim().toLowerCase() === "delete"));
    typed.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // Enter is not the word
    });
    f.go.addEventListener("click", () => {
      if (f.go.getAttribute("aria-disabled") === "true") return;
      this.dialog.close();
      this.send(this.button, "delete", { confirm: this.session }, () => location.assign("/sessions/"));
    });
  }
}
