// Events as a list, gaps out of them, and plate solutions.
import { local } from "../clock.js";
import { $, make, text } from "../dom.js";
import { decText, num, parse, raText } from "../format.js";
import { slots } from "../looks.js";

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** One value of an event; a moment as local time. */
function value(x, day) {
  if (typeof x === "string" && MOMENT.test(x)) return local.time(parse(x), day);
  if (Array.isArray(x)) return x.map((one) => value(one, day)).join(" + ");
  return typeof x === "object" ? JSON.stringify(x) : typeof x === "number" ? num(x, Number.isInteger(x) ? 0 : 2) : String(x);
}

/** What an event's details say in one line. */
const phrase = (details, day) => Object.entries(details ?? {}).map(([name, x]) => `${name.replaceAll("_", " ")} ${value(x, day)}`).join(", ");

/** Spans without data: [from, to] in milliseconds, of events that name both. */
export function gapsOf(events) {
  return events.map(({ details }) => [parse(details?.from), parse(details?.to)]).filter(([from, to]) => Number.isFinite(from) && to > from);
}

/** List the events; a press on a time goes to the frame of that moment. */
export function drawEvents(panel, { events, total }, goTo) {
  const f = slots(panel);
  text(f.total, num(total));
  const rows = [...events].reverse().map(({ time_ms, event, details }) => {
    const when = make("button", { type: "button", class: "num", "data-at": time_ms, "aria-label": `Show the frame at ${local.time(time_ms)}` }, local.time(time_ms, events.at(-1).time_ms));
    when.addEventListener("click", () => goTo(time_ms));
    const what = make("span", { class: "what" }, make("b", {}, event.replaceAll("_", " ")), ` ${phrase(details, time_ms)}`);
    return make("li", {}, when, what);
  });
  f.rows.replaceChildren(...rows);
  if (!rows.length) f.rows.replaceChildren(make("li", {}, make("span", { class: "what dim" }, "Nothing happened that anybody noted.")));
}

/** The plate solutions as a table. */
export function drawSolves(panel, solves) {
  panel.hidden = !solves.length;
  const cell = (words) => make("td", { class: "r" }, words);
  const rows = solves.map(({ time, ra, dec, rotation, scale }) =>
    make(
      "tr",
      {},
      make("td", { class: "num" }, local.time(parse(time))),
      cell(raText(typeof ra === "number" ? ra / 15 : null)),
      cell(decText(dec)),
      cell(Number.isFinite(rotation) ? `${num(rotation, 1)}°` : num(rotation)),
      cell(Number.isFinite(scale) ? `${num(scale, 2)} ″/px` : num(scale)),
    ),
  );
  $("tbody", panel).replaceChildren(...rows);
}
