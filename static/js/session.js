// One session: every panel asks for its part; a running one is asked again every half minute.
import { serverNow } from "./clock.js";
import { connect } from "./connection.js";
import { get } from "./control.js";
import { $, notice } from "./dom.js";
import { Actions } from "./session/actions.js";
import { ask } from "./session/ask.js";
import { Charts } from "./session/charts.js";
import { drawEvents, drawSolves, gapsOf } from "./session/events.js";
import { Lightbox } from "./session/lightbox.js";
import { Log } from "./session/log.js";
import { Strip } from "./session/strip.js";
import { drawAbout, drawSummary } from "./session/summary.js";
import { parse } from "./format.js";

const AGAIN_MS = 30000;
const FETCHED_MS = 5000;
const main = $("#main");
const { session } = main.dataset;
const lightbox = new Lightbox($("#lightbox"));
const open = (frame) => lightbox.open(session, frame);
const strip = new Strip(session, $("#strip"), open);
const charts = new Charts($("#charts"), $("#as-table"));
const log = new Log(session, $("#logp"));
new Actions(session, main);
connect();

async function load(first) {
  try {
    const contents = await ask(session, "contents");
    drawSummary($("#sum"), contents);
    drawAbout($("#about [data-f=facts]"), contents);
    drawSolves($("#solves"), contents.solves);
    if (first) strip.cameras(contents.cameras);
    const [events, { charts: found }] = await Promise.all([ask(session, "events"), ask(session, "telemetry"), strip.load(), first ? log.load() : null]);
    const gaps = gapsOf(events.events);
    drawEvents($("#events"), events, (ms) => strip.at(ms));
    charts.show(found, events.events, gaps);
    const ended = parse(contents.meta.end_time);
    strip.marks(events.events, gaps, [parse(contents.meta.start_time), Number.isFinite(ended) ? ended : serverNow()]);
    $("#trouble").hidden = true;
  } catch (error) {
    notice($("#trouble"), "fault", "This session cannot be read.", error.message);
  }
}

await load(true);
// Asked for from the archive: the page comes anew when the frames are here, or when the fetch has failed.
setInterval(async () => {
  if (document.hidden || !main.hasAttribute("data-retrieving")) return;
  const row = await get(`sessions/${session}/`).catch(() => null);
  if (row && (!row.dropped_at || row.not_retrieved)) location.reload();
}, FETCHED_MS);
if (main.hasAttribute("data-running")) {
  setInterval(() => document.hidden || $("dialog[open]") || load(false), AGAIN_MS);
}
