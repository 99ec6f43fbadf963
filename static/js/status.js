// Status: the processes, the links to their devices, and what is ready.
import { age, local, serverNow } from "./clock.js";
import { connect } from "./connection.js";
import { $, attr, make, status, text } from "./dom.js";
import { NONE, num, parse } from "./format.js";
import { looks } from "./looks.js";
import { processStatus } from "./words.js";

const PARTS_MS = 10000;
const live = connect();
const [processes, links, parts] = ["#processes", "#links", "#parts"].map((query) => $(query));

function headline(up, linked) {
  const element = $("#headline");
  if (!linked || !up?.state || up.problem) return status(element, "stale", linked ? "No data" : "Not live");
  const rows = up.state.processes;
  const ill = rows.filter((process) => processStatus(process)[0] !== "ok");
  if (!ill.length) return status(element, "ok", `All ${rows.length} processes running`);
  const names = ill.map(({ name }) => name).join(", ");
  return status(element, ill.some((process) => processStatus(process)[0] === "fault") ? "fault" : "warn", `Not running: ${names}`);
}

const ended = ({ state, reason }) => (state === "running" ? `Last exit: ${reason}` : reason);

function drawProcesses(up, linked) {
  looks(processes, up, linked);
  const why = $("[data-f=why]", processes);
  why.hidden = !up?.problem;
  text(why, up?.problem ?? "");
  age($("#processes-age"), up && (up.problem || !linked) ? (linked ? up.since : live.heardAt) : Number.NaN, 0);
  if (!up?.state) return;
  const now = serverNow();
  const rows = up.state.processes.map((process) => {
    const [s, word] = processStatus(process);
    const state = make("span", { class: "status" });
    status(state, s, word);
    const since = make("span", { class: "age", "data-form": "up" });
    if (process.state === "running") age(since, parse(process.since));
    const cells = [
      make("th", { scope: "row" }, process.name),
      make("td", {}, state, ...(process.reason ? [make("p", { class: "small dim" }, ended(process))] : [])),
      make("td", { class: "r opt" }, process.pid ? String(process.pid) : NONE),
      make("td", { class: "r" }, num(process.restarts)),
      make("td", { class: "r" }, process.state === "running" ? since : NONE),
      make("td", { class: "num opt" }, process.last_exit ? local.time(parse(process.last_exit), now) : NONE),
    ];
    return make("tr", {}, ...cells);
  });
  $("tbody", processes).replaceChildren(...rows);
}

function drawLinks(linked) {
  if (!live.devices.size) return;
  attr(links, "aria-busy", null);
  attr(links, "data-state", linked ? null : "stale");
  const rows = [...live.devices].map(([name, entry]) => {
    const word = make("span", { class: "status" });
    status(word, !linked ? "stale" : entry.problem ? "fault" : "ok", entry.state?.name ?? name);
    const fact = entry.problem || (entry.version === 1 ? "1 state" : `${num(entry.version)} states`);
    const when = make("span", { class: "age" });
    age(when, entry.problem ? entry.since : entry.at);
    return make("li", {}, word, make("span", { class: "dim" }, fact), when);
  });
  $("ul", links).replaceChildren(...rows);
}

/** Readiness is asked of the server, which looks at disk, database and broker for it. */
async function refreshParts() {
  if (document.hidden || live.link !== "open") return;
  const answer = await fetch("/status/?parts", { redirect: "error" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  $("[data-f=parts]", parts).replaceChildren(...fresh.body.childNodes);
  age($(".age", parts), serverNow(), 60);
}

live.onchange(() => {
  const linked = live.link === "open";
  const up = live.devices.get("up");
  headline(up, linked);
  drawProcesses(up, linked);
  drawLinks(linked);
});
setInterval(refreshParts, PARTS_MS);
