// The form for a new timelapse or night product.
import { Refused, get, post } from "../control.js";
import { $, $$, attr, make, say, text } from "../dom.js";

export class Form {
  constructor(root, opener, page) {
    Object.assign(this, { root, opener, page });
    opener.addEventListener("click", () => this.open(root.hidden));
    $("#form-close").addEventListener("click", () => this.open(false));
    $("#kind").addEventListener("change", () => this.fit());
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

  /** What a night product does not have is not shown. */
  fit() {
    for (const part of $$("[data-film]", this.root)) part.hidden = $("#kind").value !== "timelapse";
  }

  refuse(words, field = "") {
    const line = $("#form-error");
    line.hidden = !words;
    text(line, words);
    for (const input of $$(".input", this.root)) attr(input, "aria-invalid", field && input.id === field ? "true" : null);
    if (field) document.getElementById(field)?.focus();
    if (words) say(words, true);
  }

  async send() {
    if (!this.page.may()) return;
    const chosen = $("#source").value;
    if (!chosen) return this.refuse("There are no frames to make it of yet.", "source");
    const [what, name] = [chosen.slice(0, chosen.indexOf(":")), chosen.slice(chosen.indexOf(":") + 1)];
    const body = { [what]: name, kind: $("#kind").value, title: $("#title").value.trim() };
    if (body.kind === "timelapse") {
      body.draft = $("#draft").checked;
      body.recipe = { stabilise: $("#stabilise").value, outputs: [$("#format").value] };
      for (const input of $$("[data-recipe]", this.root)) {
        const value = Number(input.value.replace(",", "."));
        if (!input.value.trim() || Number.isNaN(value)) return this.refuse(`${input.value || "Nothing"} is not a number.`, input.id);
        body.recipe[input.id] = value;
      }
    }
    try {
      const job = await post("timelapses/", body);
      this.open(false);
      say(`${job.title} is in the queue.`);
      this.page.jobs.set(job.uuid, job);
      this.page.choose(job.uuid);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refuse(error.message, error.field ?? "");
    }
  }
}

function option({ session, folder, finished }) {
  const words = session ? `${session}${finished ? "" : " (still running)"}` : `Folder ${folder}`;
  return make("option", { value: session ? `session:${session}` : `folder:${folder}` }, words);
}
