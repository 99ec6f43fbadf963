// The thumbnails under the picture: they choose which camera the page shows.
import { $, $$, attr, status } from "../dom.js";
import { cameraStatus } from "../words.js";
import { pictureOf } from "../newest.js";

const KEY = "skycam.camera";

export class Cameras {
  constructor(list, changed) {
    this.list = list;
    this.items = list ? $$("li[data-camera]", list) : [];
    this.ids = this.items.map((item) => item.dataset.camera);
    const kept = localStorage.getItem(KEY);
    this.selected = this.ids.includes(kept) ? kept : this.ids[0];
    for (const item of this.items) {
      $("button", item).addEventListener("click", () => {
        this.selected = item.dataset.camera;
        localStorage.setItem(KEY, this.selected);
        changed();
      });
    }
  }

  /** What skycam.yaml says of a camera: its name and interval in seconds. */
  configured(id) {
    const item = this.items[this.ids.indexOf(id)];
    return { name: item.dataset.name, interval: Number(item.dataset.interval) };
  }

  draw({ live, linked, now }) {
    if (this.items.length < 2) return;
    for (const [index, item] of this.items.entries()) {
      const id = this.ids[index];
      const entry = live.devices.get(`camera/${id}`);
      attr($("button", item), "aria-pressed", id === this.selected ? "true" : "false");
      const [s] = cameraStatus(entry, linked, now);
      status($(".status", item), s, entry?.state?.name ?? item.dataset.name);
      const address = entry?.state?.frame ? pictureOf(id, entry.state.frame, "thumbnail") : null;
      const image = $("img", item);
      if (address && image.getAttribute("src") !== address) {
        image.src = address;
        image.hidden = false;
      }
    }
  }
}
