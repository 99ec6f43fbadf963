// The form for a new timelapse or night product.
import { Refused, get, post } from "../control.js";
import { $, $$, attr, make, say, text } from "../dom.js";
import { fill } from "./profile.js";
import { WrongError, addMoment, fitEncoder, isFisheye, recipe } from "./recipe.js";

export class Form {
  constructor(root, opener, page) {
    Object.assign(this, { root, opener, page });
    opener.addEventListener("click", () => this.open(root.hidden));
    $("#form-close").addEventListener("click", () => this.open(false));
    $("#moment").addEventListener("click", () => addMoment(root));
    for (const id of ["#kind", "#format", "#r-lens"]) $(id).addEventListener("change", () => this.fit());
    $("#profile").addEventListener("change", () => fill(root));
    $("#r-overlay-logo").addEventListener("change", () => this.logo());
    $("#no-logo").addEventListener("click", () => {
      $("#r-overlay-logo").value = "";
      this.logo();
    });
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  async open(shown) {
    this.root.hidden = !shown;
    attr(this.opener, "aria-expanded", String(shown));
    if (!shown) return this.opener.focus();
    this.refuse(this.page.may() ? "" : "Needs the operator role.");
    this.fit();
    $("#source").focus();
    try {
      const found = await get("timelapses/sources/");
      $("#source").replaceChildren(...(found.length ? found.map(option) : [make("option", { value: "" }, "Nothing recorded yet")]));
    } catch (error) {
      this.refuse(error.message);
    }
  }

  /** What belongs to another choice is not shown. */
  fit() {
    for (const part of $$("[data-film]", this.root)) part.hidden = $("#kind").value !== "timelapse";
    for (const part of $$("[data-fisheye]", this.root)) part.hidden = !isFisheye($("#r-lens").value);
    fitEncoder();
  }

  logo() {
    const [file] = $("#r-overlay-logo").files;
    text($(".filebtn span", this.root), file?.name ?? "Choose a file");
    $("#no-logo").hidden = !file;
  }

  /** Say what is wrong: at its field, which is shown and focused, else below the form. */
  refuse(words, field = "") {
    for (const old of $$(".field > .err", this.root)) {
      const hint = $(".hint", old.parentElement);
      if (hint) hint.hidden = false;
      old.remove();
    }
    for (const input of $$(".input", this.root)) attr(input, "aria-invalid", null);
    const input = field ? this.input(field) : null;
    const home = input?.closest(".field");
    const line = $("#form-error");
    line.hidden = !words || Boolean(home);
    text(line, home ? "" : words);
    if (input) {
      attr(input, "aria-invalid", "true");
      const folded = input.closest("details");
      if (folded) folded.open = true;
      if (home) {
        const hint = $(".hint", home);
        if (hint) hint.hidden = true;
        home.append(make("span", { class: "err", role: "alert" }, words));
      }
      input.focus();
    }
    if (words && !home) say(words, true);
  }

  /** The element of a field that the API names. */
  input(field) {
    const names = { session: "source", folder: "source", outputs: "format", transfer: "format", codec: "format" };
    const direct = document.getElementById(names[field] ?? field);
    if (direct && this.root.contains(direct)) return direct;
    const moment = field === "speed.points" ? "speed" : field.startsWith("key_frames") ? field.slice(11) || "at" : "";
    if (moment) return $(`[data-moment="${CSS.escape(moment)}"]`, this.root);
    return $(`[data-path="${CSS.escape(field)}"]`, this.root);
  }

  async send() {
    if (!this.page.may()) return;
    const chosen = $("#source").value;
    if (!chosen) return this.refuse("There are no frames to make it of yet.", "source");
    const [what, name] = [chosen.slice(0, chosen.indexOf(":")), chosen.slice(chosen.indexOf(":") + 1)];
    const body = { [what]: name, kind: $("#kind").value, title: $("#title").value.trim() };
    try {
      if (body.kind === "timelapse") {
        body.draft = $("#draft").checked;
        body.recipe = await recipe(this.root, sendLogo);
      }
      const job = await post("timelapses/", body);
      this.refuse("");
      this.open(false);
      say(`${job.title} is in the queue.`);
      this.page.jobs.set(job.uuid, job);
      this.page.choose(job.uuid);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof WrongError)) throw error;
      this.refuse(error.message, error.field ?? "");
    }
  }
}

const LARGEST_LOGO = 512 << 10;

async function sendLogo(file) {
  if (file.size > LARGEST_LOGO) throw new WrongError(`${file.name} has more than 512 kB.`, "overlay.logo");
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  try {
    return (await post("timelapses/logos/", { png: btoa(binary) })).logo;
  } catch (error) {
    if (error instanceof Refused) throw new WrongError(error.message, "overlay.logo");
    throw error;
  }
}

function option({ session, folder, finished }) {
  const words = session ? `${session}${finished ? "" : " (still running)"}` : `Folder ${folder}`;
  return make("option", { value: session ? `session:${session}` : `folder:${folder}` }, words);
}
