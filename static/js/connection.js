// What every live page shows of its connection: the word in the header, and the notice when it is lost (guide, section 10).
import { local, serverNow, tick } from "./clock.js";
import { $, notice, say, status } from "./dom.js";
import { span } from "./format.js";
import { Live } from "./live.js";

/** Open the live connection of this page. `document.body.dataset.link` follows its state, for the looks of stale values. */
export function connect() {
  const live = new Live("/ws/live/");
  const [word, lost] = [$("#live"), $("#lost")];
  let before = "connecting";

  $("[data-retry]", lost).addEventListener("click", () => (live.link === "out" ? location.reload() : live.retry()));

  function draw() {
    document.body.dataset.link = live.link;
    if (live.link === "open") {
      status(word, "ok", "Live");
      lost.hidden = true;
      if (before === "lost") say("Connected again");
    } else if (live.link === "connecting") {
      status(word, "busy", "Connecting");
    } else if (live.link === "out") {
      status(word, "fault", "Logged out");
      notice(lost, "fault", "You are logged out.", "Log in again to see live values.");
      $("[data-retry]", lost).lastChild.textContent = "Log in";
    } else {
      status(word, "stale", "Not live");
      if (before === "open") say("Connection lost", true);
      drawLost();
    }
    before = live.link;
  }

  function drawLost() {
    if (live.link !== "lost") return;
    const now = serverNow();
    const left = live.nextTryAt === null ? 0 : Math.max(0, live.nextTryAt - now);
    const next = left ? `trying again in ${span(Math.ceil(left / 1000))}` : "trying now";
    const seen = live.heardAt === null ? "" : `You see the state of ${local.time(live.heardAt, now)}.`;
    notice(lost, "busy", `Connection lost ${span(Math.floor((now - live.lostAt) / 1000))} ago, ${next}.`, seen);
  }

  live.onchange(draw);
  tick(drawLost);
  live.open();
  return live;
}
