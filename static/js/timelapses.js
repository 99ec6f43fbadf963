// Timelapses: the queue lives in the database; this page asks once, then listens to what the workers say.
import { tick } from "./clock.js";
import { connect } from "./connection.js";
import { Refused, get, post, put } from "./control.js";
import { $, say, status, text } from "./dom.js";
import { VIEWER } from "./commands.js";
import { Film } from "./timelapses/film.js";
import { Form } from "./timelapses/form.js";
import { Night } from "./timelapses/night.js";
import { Nodes } from "./timelapses/nodes.js";
import { Plots } from "./timelapses/plots.js";
import { Rows } from "./timelapses/rows.js";

const live = connect();
const jobs = new Map();
const products = new Map();
let [paused, chosen, loaded] = [false, location.hash.slice(1) || null, false]; // the hash: another page shows a job or product

const page = {
  jobs,
  products,
  may: () => !VIEWER,
  /** A product is as the API has just said. */
  took(product) {
    products.set(product.uuid, product);
    draw();
  },
  /** Show this job in the big panel. */
  choose(uuid) {
    chosen = uuid;
    draw();
    curves(uuid);
  },
  /** Send a command; what is refused is shown. Returns the answer or null. */
  async command(path, body = {}, method = post) {
    fault("");
    try {
      const answer = await method(`timelapses/${path}`, body);
      if (answer?.state) take(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fault(error.message);
      return null;
    }
  },
};
const film = new Film($("#job"), page);
const plots = new Plots($("#plots"));
const night = new Night($("#night"), $("#night-table"));
const rows = new Rows($("#jobs"), page);
const nodes = new Nodes($("#nodes"));
new Form($("#form"), $("#new"), page);

/** What stands beside a product: flicker and motion of a timelapse, the curves of a night, or nothing. */
async function curves(uuid) {
  const [product, job] = found(uuid);
  const film = !uuid || (job?.kind ?? product?.kind) === "timelapse";
  $("#plots").hidden = !film;
  await Promise.all([plots.show(film ? uuid : null), night.show(film ? null : product)]);
  $("#job").classList.toggle("alone", $("#plots").hidden && $("#night").hidden);
}

/** A product and the job that made it, by the name of either. */
function found(uuid) {
  const job = jobs.get(uuid);
  return [job ? [...products.values()].find((one) => one.job === uuid) : products.get(uuid), job];
}

function fault(words) {
  const line = $("#error");
  line.hidden = !words;
  text(line, words);
  if (words) say(words, true);
}

function take(job) {
  const before = jobs.get(job.uuid);
  jobs.set(job.uuid, job);
  if (before && before.state !== job.state) say(`${job.title}: ${job.state}`);
  // A running job is what people want to see, unless they look at another one.
  if (job.state === "running" && (!chosen || jobs.get(chosen)?.state !== "running") && before?.state !== "running") page.choose(job.uuid);
  if (job.uuid === chosen && (before?.stage !== job.stage || before?.state !== job.state)) curves(chosen);
  live.changed();
}

async function load() {
  let answer;
  try {
    answer = await get("timelapses/");
  } catch (error) {
    return fault(error.message);
  }
  jobs.clear();
  products.clear();
  for (const job of answer.jobs) jobs.set(job.uuid, job);
  for (const product of answer.products) products.set(product.uuid, product);
  paused = answer.paused;
  loaded = true;
  if (!chosen || !(jobs.has(chosen) || products.has(chosen))) {
    const all = [...jobs.values()];
    const newest = all.find(({ state }) => state === "running") ?? all.find(({ state }) => state === "done") ?? all[0];
    page.choose(newest?.uuid ?? answer.products[0]?.uuid ?? null);
  } else curves(chosen); // another page named it
  draw();
}

/** A product is made, or a night's has grown. */
function arrived(product) {
  products.set(product.uuid, product);
  if (chosen === product.uuid || (chosen && chosen === product.job)) curves(chosen);
}

function head() {
  const linked = live.link === "open";
  const count = (state) => [...jobs.values()].filter((job) => job.state === state).length;
  const [running, waiting] = [count("running"), count("waiting")];
  if (!loaded || !linked) status($("#running"), "stale", live.link === "connecting" ? "No data yet" : "Not live");
  else status($("#running"), running ? "busy" : "off", running ? `${running} running` : "Nothing runs");
  const word = $("#waiting");
  word.hidden = !waiting && !paused;
  status(word, paused ? "warn" : "off", paused ? `Paused, ${waiting} waiting` : `${waiting} waiting`);
  text($("#pause span"), paused ? "Go on" : "Pause queue");
}

function draw() {
  head();
  const [product, job] = found(chosen);
  film.draw(job, product, loaded);
  rows.draw(chosen, loaded);
}

$("#pause").addEventListener("click", async () => {
  if (!page.may()) return fault("Needs the operator role.");
  const answer = await page.command("queue/", { paused: !paused }, put);
  if (answer) paused = answer.paused;
  draw();
});
live.onevent(({ event, data }) => {
  if (event === "job") take(data);
  else if (event === "product") arrived(data);
  else if (event === "product_deleted") products.delete(data.uuid);
  else if (event === "node") nodes.took(data);
  else if (event === "queue") paused = data.paused;
  live.changed();
});
let wasOpen = false;
live.onchange(() => {
  const open = live.link === "open";
  if (open && !wasOpen) {
    load();
    nodes.load();
  } // events that came while nobody listened are in the list
  wasOpen = open;
  draw();
});
tick(() => {
  rows.tick();
  film.tick();
});
addEventListener("skycam:theme", () => plots.redraw());
