// All pictures and films of a night product: small ones with captions, one of them large.
import { local } from "../clock.js";
import { attr, icon, make } from "../dom.js";

const NAMES = {
  keogram: "Keogram", startrails: "Star trails", "startrails-satellites": "Trails with satellites", stack: "Stack", curves: "Curves",
  mini: "Mini timelapse", startrail_film: "Star trail film", season: "Long-term keogram",
};
const METEOR = /^meteors\/(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-\d+$/; // UTC

const PICTURES = new Set(["image/jpeg", "image/png", "image/webp"]); // of a stack there is a FITS file too

/** A file's name without its suffix. */
export const bare = (name) => name.replace(/\.[^.]+$/, "");

/** What a person calls it: "Star trails", "Meteor, 22:14:09". */
function caption(name) {
  const found = METEOR.exec(name);
  if (!found) return NAMES[name] ?? name.split("/").pop().replaceAll(/[-_]/g, " ");
  const [year, month, ...rest] = found.slice(1).map(Number);
  return `Meteor, ${local.time(Date.UTC(year, month - 1, ...rest))}`;
}

/** Things to look at, in the order of the files: a film and its still are one. */
function shots(product) {
  if (!product || product.kind === "timelapse") return [];
  const found = new Map();
  const fresh = ({ url }) => `${url}?${Date.parse(product.made_at)}`; // a night's pictures change while it goes on
  for (const file of product.files) {
    const name = bare(file.name);
    const shot = found.get(name) ?? { name, words: caption(name), picture: null, film: null };
    if (PICTURES.has(file.type) && (file.role === "picture" || file.role === "animation")) shot.picture = fresh(file);
    else if (file.role === "video" && file.type === "video/mp4") shot.film = fresh(file);
    else continue;
    found.set(name, shot);
  }
  for (const file of product.files.filter(({ role }) => role === "thumbnail")) {
    const shot = found.get(bare(file.name.replace(/^thumbs\//, "")));
    if (shot) shot.thumbnail = fresh(file);
  }
  return [...found.values()];
}

export class Gallery {
  #key = "";
  #chosen = new Map(); // by product: what its reader looks at

  constructor(root, redraw) {
    Object.assign(this, { root, redraw });
  }

  /** Draw the small ones; the one to show large, null when the product has none. */
  draw(product) {
    const all = shots(product);
    const shot = all.find(({ name }) => name === this.#chosen.get(product?.uuid)) ?? all[0] ?? null;
    this.root.hidden = all.length < 2;
    const key = JSON.stringify(all);
    if (key !== this.#key) this.root.replaceChildren(...(all.length < 2 ? [] : all.map((one) => this.#tile(product, one))));
    this.#key = key;
    for (const button of this.root.querySelectorAll("button")) attr(button, "aria-pressed", String(button.dataset.name === shot?.name));
    return shot;
  }

  #tile(product, { name, words, picture, film, thumbnail }) {
    const small = thumbnail ?? picture;
    const image = small ? make("img", { src: small, alt: "", loading: "lazy" }) : icon("film");
    const label = make("span", { class: "small" }, film ? icon("play") : "");
    label.append(words);
    const button = make("button", { class: "tile", type: "button", "data-name": name }, make("span", { class: "view" }, image), label);
    button.addEventListener("click", () => {
      this.#chosen.set(product.uuid, name);
      this.redraw();
    });
    return make("li", {}, button);
  }
}
