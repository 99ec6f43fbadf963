// Projects and their backups.
import { local, serverNow } from "../clock.js";
import { $, icon, keyed, make, notice, say } from "../dom.js";
import { NONE, bytes } from "../format.js";
import { slots } from "../looks.js";
import { armTwoStep } from "../twostep.js";
import { ask } from "./api.js";

export class Projects {
  constructor(page) {
    this.page = page;
    this.panel = $("#backups");
    this.facts = slots(this.panel);
    this.known = null;
    this.asked = 0;
    $("#project-select").addEventListener("change", (event) => page.command("POST", `/projects/${event.target.value}/select`));
    this.form = $("#project-form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    $("#project-copy").addEventListener("click", () => this.form.reportValidity() && this.copy());
    $("#project-export").addEventListener("click", () => this.export());
    $("#project-import").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      if (file) this.import(file);
      target.value = ""; // the same file can be chosen again
    });
    $("#backup-now").addEventListener("click", async () => {
      if (page.may() && (await page.command("POST", `/projects/${this.active}/backups`, { label: "by hand" }))) this.load();
    });
  }

  /** What the form says of a project; an empty field is none. */
  get fields() {
    const fields = Object.fromEntries(new FormData(this.form));
    for (const [name, value] of Object.entries(fields)) fields[name] = value.trim() || null;
    return fields;
  }

  async save() {
    if (await this.page.command("PUT", `/projects/${this.active}`, this.fields)) this.select();
  }

  /** A new project with this one's scenes and show, and mount it. */
  async copy() {
    if (!this.page.may()) return;
    try {
      const before = new Set((await ask("GET", "/projects")).projects.map(({ id }) => id));
      const { projects } = await ask("POST", "/projects", { ...this.fields, templateId: this.active });
      const fresh = projects.find(({ id }) => !before.has(id));
      await this.page.command("POST", `/projects/${fresh.id}/select`);
    } catch (error) {
      this.page.fault(error.message);
    }
  }

  /** Save the active project as a file. */
  async export() {
    try {
      const snapshot = await ask("GET", `/projects/${this.active}/export`);
      const address = URL.createObjectURL(new Blob([JSON.stringify(snapshot)], { type: "application/json" }));
      make("a", { href: address, download: `${this.active}.lights.json` }).click();
      URL.revokeObjectURL(address);
    } catch (error) {
      this.page.fault(error.message);
    }
  }

  /** Make a new project of a file, under the name that it says; the active one stays. */
  async import(file) {
    if (!this.page.may()) return;
    try {
      const snapshot = await read(file);
      const { name, venue, eventDate, notes } = snapshot.project ?? {};
      await ask("POST", "/projects", { name: name ?? file.name, venue, eventDate, notes, snapshot });
      this.page.fault("");
      say(`${name ?? file.name} is imported.`);
      await this.select();
      $("#project-select").focus();
    } catch (error) {
      this.page.fault(`${file.name}: ${error.message}`);
    }
  }

  draw({ state }) {
    if (!state) return;
    const { features, project } = state;
    const on = features.projects && features.backups;
    this.facts.off.hidden = on;
    this.facts.table.hidden = $("#backup-now").hidden = !on;
    this.facts.key.hidden = !(on && features.encrypted);
    this.facts.problem.hidden = true;
    if (on && features.backupProblem) notice(this.facts.problem, "fault", "The last automatic backup failed.", features.backupProblem);
    $("#project").hidden = $("#project-fields").hidden = !features.projects;
    const key = JSON.stringify([project, features]);
    if (key === this.known) return;
    this.known = key;
    this.active = project?.id;
    if (features.projects) this.select();
    if (on) this.load();
  }

  async select() {
    const index = await ask("GET", "/projects").catch(() => null);
    if (!index) return (this.known = null);
    $("#project-select").replaceChildren(...index.projects.map(({ id, name }) => make("option", { value: id }, name)));
    $("#project-select").value = index.activeId;
    const meta = index.projects.find(({ id }) => id === index.activeId);
    const fields = [...this.form.querySelectorAll("input")];
    const shown = JSON.stringify([meta.id, ...fields.map(({ name }) => meta[name])]);
    if (shown === this.shown) return; // what is being typed stays
    this.shown = shown;
    for (const field of fields) field.value = meta[field.name] ?? "";
  }

  async load() {
    const turn = ++this.asked;
    try {
      const { versions } = await ask("GET", `/projects/${this.active}/backups`);
      if (turn !== this.asked) return; // a later answer knows more
      const none = () => make("tr", {}, make("td", { colspan: "5", class: "dim" }, "No backups yet."));
      keyed($("tbody", this.panel), versions.length ? versions.map((version) => [version.versionId, () => this.row(version)]) : [["none", none]]);
    } catch (error) {
      this.facts.problem.hidden = false;
      notice(this.facts.problem, "fault", "The backups cannot be listed.", error.message);
    }
  }

  row({ versionId, createdAt, label, provider, size, encrypted }) {
    const where = make("span", { class: "row" }, provider);
    if (encrypted) where.append(icon("lock"), make("span", { class: "sr" }, "encrypted"));
    const button = make("button", { class: "btn quiet slim", type: "button", "data-confirm": "Replace colour, scenes, show?" }, "Restore");
    armTwoStep(button);
    button.addEventListener("skycam:do", async () => {
      if (this.page.may() && (await this.page.command("POST", `/projects/${this.active}/restore`, { versionId }))) this.load();
    });
    const cells = [make("td", { class: "num" }, local.time(createdAt, serverNow())), make("td", { class: "opt" }, label || NONE), make("td", {}, where)];
    return make("tr", {}, ...cells, make("td", { class: "r num opt" }, bytes(size)), make("td", { class: "r" }, button));
  }
}

const LARGEST = 900 << 10; // a line to the engine holds no more

async function read(file) {
  if (file.size > LARGEST) throw new Error("It has more than 900 kB, no exported project.");
  try {
    return Object(JSON.parse(await file.text()));
  } catch {
    throw new Error("It is no exported project.");
  }
}
