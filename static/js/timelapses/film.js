// The big panel: a job's film or picture, how far it is, what went wrong, its files.
import { VIEWER } from "../commands.js";
import { get } from "../control.js";
import { $, attr, icon, make, notice, status, text } from "../dom.js";
import { bytes, num, span } from "../format.js";
import { slots } from "../looks.js";
import { Gallery, bare } from "./gallery.js";
import { ROLE_NAMES, STAGES, STAGE_NAMES, archiveFacts, archiveStatus, firstFile, jobStatus, length } from "./words.js";

export class Film {
  constructor(root, page) {
    Object.assign(this, { root, page, job: null, files: "" });
    this.slot = slots(root);
    this.gallery = new Gallery(this.slot.gallery, () => this.draw(this.job, this.product, true));
    $("#cancel").addEventListener("skycam:do", () => page.command(`${this.job.uuid}/cancel/`));
    $("#retry").addEventListener("click", () => page.command(`${this.job.uuid}/retry/`));
    $("#archive").addEventListener("click", () => this.archiveNow());
    this.slot.left.addEventListener("toggle", () => this.leftOut());
  }

  draw(job, product, loaded) {
    this.job = job;
    if (loaded) attr(this.root, "aria-busy", null);
    text(this.slot.title, job?.title ?? product?.title ?? "Newest");
    const [s, word] = job ? jobStatus(job) : product ? ["ok", "Done"] : ["off", "Nothing yet"];
    if (loaded) status(this.slot.state, s, word);
    $("#cancel").hidden = VIEWER || !job || !["running", "waiting"].includes(job.state) || job.cancelling;
$("#retry").hidden = VIEWER || !job || !(["failed", "cancelled"].includes(job.state) || (job.state === "waiting" && job.next_try_at));
    text($("#retry"), job?.state === "waiting" ? "Try now" : "Try again");
    const shot = this.gallery.draw(product);
    this.picture(job, product, shot);
    this.bar(job);
    this.stages(job);
    const fault = this.slot.fault;
    fault.hidden = !job?.error;
    if (job?.error) notice(fault, job.state === "failed" ? "fault" : "warn", job.error, next(job));
    text(this.slot.facts, this.facts(job, product));
    this.notes(job);
    this.downloads(product, shot);
    this.archive(product);
    this.sheet(product);
  }

  /** Words that count down. */
  tick() {
    if (this.job?.next_try_at) status(this.slot.state, ...jobStatus(this.job));
  }

  /** What people should know of the frames, and which of them were left out. */
  notes(job) {
    const notes = job?.notes ?? [];
    this.slot.notes.hidden = !notes.length;
    if (this.said !== notes.join()) this.slot.notes.replaceChildren(...notes.map((note) => make("li", {}, note)));
    this.said = notes.join();
    const left = this.slot.left;
    const count = job?.state === "done" ? job.left_out : 0;
    left.hidden = !count;
    text($("summary span", left), count === 1 ? "1 frame left out" : `${num(count ?? 0)} frames left out`);
    if (left.dataset.of === (job?.uuid ?? "")) return;
    left.dataset.of = job?.uuid ?? "";
    left.open = false;
  }

  /** Names and reasons, asked for when somebody wants to see them. */
  async leftOut() {
    const { left } = this.slot;
    if (!left.open) return;
    const { uuid } = this.job;
    const { report } = await get(`timelapses/${uuid}/`).catch((error) => ({ report: { left_out: [{ name: "", reason: error.message }] } }));
    if (this.job?.uuid !== uuid) return; // another one was chosen meanwhile
    const lines = (report.left_out ?? []).map(({ name, reason }) => make("li", {}, name ? `${name}: ${reason}` : reason));
    const more = (report.left_out_count ?? 0) - lines.length;
    if (more > 0) lines.push(make("li", {}, `and ${num(more)} more`));
    $("ul", left).replaceChildren(...lines);
  }

  /** Whether a checked copy lies elsewhere; the address is where. */
  archive(product) {
    this.product = product;
    const archive = product?.archive ?? { state: "off" };
    this.slot.archive.hidden = archive.state === "off";
    $("#archive").hidden = VIEWER || !["no", "failed", "waiting"].includes(archive.state);
    text($("#archive"), archive.state === "failed" ? "Try again now" : "Archive now");
    status(this.slot["archive-state"], ...archiveStatus(archive));
    text(this.slot["archive-facts"], archiveFacts(archive));
  }

  async archiveNow() {
    const answer = await this.page.command(`products/${this.product.uuid}/archive/`);
    if (answer) this.page.took(answer);
  }

  /** Frames spread over the film; loaded when it is opened. */
  sheet(product) {
    const file = firstFile(product, "contact_sheet");
    this.slot.sheet.hidden = !file;
    attr($("img", this.slot.sheet), "src", file?.url ?? null);
  }

  picture(job, product, shot) {
    const [film, still] = [$("#film"), $("#still")];
    const shown = shot ? null : firstFile(product, "preview", "draft") ?? playable(product);
    const image = shot?.picture ?? firstFile(product, "poster", "animation")?.url;
    const source = shot ? (shot.film ?? "") : (shown?.url ?? "");
    film.hidden = !source;
    still.hidden = Boolean(source) || !image;
    this.slot.missing.hidden = Boolean(source || image);
    if (film.dataset.source !== source) {
      film.dataset.source = source;
      attr(film, "poster", shot ? (shot.picture ?? shot.thumbnail ?? null) : (firstFile(product, "poster")?.url ?? null));
      attr(film, "src", source || null);
      attr(film, "aria-label", shot?.words ?? product?.title ?? null);
      if (!source) film.load();
    }
    if (image && !source) {
      attr(still, "src", image);
      attr(still, "alt", shot ? `${shot.words}, ${product.title}` : product.title);
    }
    this.slot.hud.hidden = shown?.role !== "draft";
    text(this.slot.hud, "draft");
    const words = job?.state === "running" ? "The draft comes in a moment." : "No film yet.";
    text($("span", this.slot.missing), words);
  }

  bar(job) {
    const running = job?.state === "running";
    this.slot.bar.hidden = !running;
    if (!running) return;
    const left = job.remaining_s === null || job.cancelling ? "" : `, ${span(job.remaining_s)} left`;
    text(this.slot.percent, `${num(job.percent)} %${left}`);
    const parts = [];
    if (job.fps) parts.push(`${num(job.fps, 1)} fps`);
    if (job.chunks) parts.push(`chunk ${job.chunk} of ${job.chunks}`);
    if (job.workers) parts.push(job.workers === 1 ? "1 worker" : `${job.workers} workers`);
    text(this.slot.speed, parts.join(" · "));
    const bar = $(".progress", this.slot.bar);
    attr(bar, "aria-valuenow", Math.round(job.percent));
    bar.style.setProperty("--p", `${job.percent}%`);
  }

  stages(job) {
    const list = this.slot.stages;
    list.hidden = !job || job.kind !== "timelapse" || job.state !== "running";
    if (list.hidden) return;
    const at = STAGES.indexOf(job.stage);
    if (!list.children.length) list.append(...STAGES.map(() => make("li", {}, make("span", { class: "status" }), make("span", { class: "num dim" }))));
    const frames = job.frames ? `${num(job.frames)} frames${job.left_out ? `, ${num(job.left_out)} left out` : ""}` : "";
    const facts = { analyse: frames, draft: "small and quick", render: job.format ?? "", join: "no second encoding", check: "flicker and motion left" };
    STAGES.forEach((stage, number) => {
      const [word, fact] = list.children[number].children;
      status(word, number < at ? "ok" : number === at ? "busy" : "off", STAGE_NAMES[stage]);
      text(fact, facts[stage]);
    });
  }

  facts(job, product) {
    const parts = [];
    const of = job?.session ?? job?.folder ?? product?.session;
    if (job?.format) parts.push(job.format);
    if (job?.state === "done" && job.frames) parts.push(`${num(job.frames)} frames`);
    if (job?.state === "done" && job.left_out) parts.push(`${num(job.left_out)} left out`);
    if (product?.duration_s) parts.push(length(product.duration_s));
    if (product?.scores.quality !== undefined) parts.push(`quality ${num(product.scores.quality, 2)}`);
    if (of) parts.push(`of ${of}`);
    return parts.join(" · ");
  }

  /** Files to save: all of a timelapse, of a night those of what is shown large. */
  downloads(product, shot) {
    const offered = product?.files.filter(({ name }) => !shot || bare(name) === shot.name) ?? [];
    const files = DOWNLOADS.flatMap((wanted) => offered.filter(({ role }) => role === wanted));
    const key = JSON.stringify(files);
    if (this.files === key) return;
    this.files = key;
    const links = files.map((file) => {
      const alone = files.filter(({ role }) => role === file.role).length === 1;
      const name = shot ? shot.words : alone ? (ROLE_NAMES[file.role] ?? "File") : own(file.name);
      const words = `${name} ${file.name.split(".").pop().toUpperCase()}, ${bytes(file.bytes)}`;
      return make("li", {}, make("a", { class: "btn", href: `${file.url}?download`, download: file.name }, icon("download"), words));
    });
    this.slot.files.replaceChildren(...links);
  }
}

/** What becomes of a job that went wrong. */
function next({ state, attempts }) {
  if (state === "waiting") return "It is tried again by itself.";
  return attempts > 1 ? `Given up after ${num(attempts)} tries; what is made so far is kept for a week.` : "";
}

/** What can be saved, in this order; the draft and the page's own data stay. */
const DOWNLOADS = ["video", "animation", "picture", "archive", "preview", "poster", "contact_sheet", "data"];

/** What tells a file from others of its role: "Startrails satellites". */
function own(name) {
  const words = bare(name).replaceAll(/[-_]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A film that this browser says it can play by itself. */
function playable(product) {
  const film = firstFile(product, "video");
  return film && film.type === "video/mp4" && product.files.length === 1 ? film : null;
}
