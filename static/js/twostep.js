// Two-step button: the first press says what will happen, the second within 5 s does it.
// Escape, leaving or waiting disarms. `button[data-confirm]`; the second press dispatches `skycam:do`.
import { $$, say } from "./dom.js";

const PATIENCE_MS = 5000;

/** Make one two-step button of it; those of the page's own HTML are made at the start. */
export function armTwoStep(button) {
  const idle = [...button.childNodes];
  let timer;
  const disarm = () => {
    if (button.dataset.armed === undefined) return;
    clearTimeout(timer);
    delete button.dataset.armed;
    button.replaceChildren(...idle);
  };
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    if (button.dataset.armed === undefined) {
      button.dataset.armed = "";
      button.replaceChildren(button.dataset.confirm);
      say(button.dataset.confirm);
      timer = setTimeout(disarm, PATIENCE_MS);
    } else {
      disarm();
      button.dispatchEvent(new CustomEvent("skycam:do", { bubbles: true }));
    }
  });
  button.addEventListener("keydown", (event) => {
    if (event.key === "Escape") disarm();
  });
  button.addEventListener("blur", disarm);
}

export const startTwoStep = () => $$("button[data-confirm]").forEach(armTwoStep);
