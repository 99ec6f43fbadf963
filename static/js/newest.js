// The newest picture of a device: loaded beside the page, then put in place, so that there is no empty moment between two
// frames. One that is missing is hatched and says why.
import { serverNow } from "./clock.js";
import { attr, text } from "./dom.js";

/** The address of a frame's picture: `kind` is preview or thumbnail. */
export function pictureOf(camera, frame, kind) {
  const name = frame?.[kind];
  return name ? `/cameras/${encodeURIComponent(camera)}/${kind}/${encodeURIComponent(name)}` : null;
}

export class Newest {
  #wanted = null;

  /** `put(image, label)` shows a loaded picture; `image` null takes it away. `missing` holds one element for the reason. */
  constructor(missing, put) {
    [this.missing, this.put] = [missing, put];
  }

  /** Show what is at `address`, or say why there is nothing: `reason`, or `failed` when it cannot be loaded. */
  async show(address, { label, reason, failed }) {
    if (!address) {
      this.#wanted = null;
      this.#none(reason);
      return;
    }
    if (this.#wanted === address) return;
    this.#wanted = address;
    const next = new Image();
    next.src = address;
    const loaded = await next.decode().then(() => true, () => false);
    if (this.#wanted !== address) return; // a newer frame came first
    if (!loaded) {
      this.#none(failed);
      return;
    }
    this.put(next, label);
    this.missing.hidden = true;
  }

  #none(words) {
    this.put(null, "");
    this.missing.hidden = false;
    text(this.missing.firstElementChild, words);
  }
}

/** What an `<img>` shows: for `Newest`. */
export const into = (image) => (next, label) => {
  if (next) image.src = next.src;
  image.alt = label;
  image.hidden = !next;
};

/** Let a `.progress` show how far an exposure is; hidden when it has not begun (`begun` in milliseconds, NaN: no exposure). */
export function showProgress(bar, begun, seconds) {
  bar.hidden = !Number.isFinite(begun);
  if (bar.hidden) return;
  const part = Math.min(1, Math.max(0, (serverNow() - begun) / 1000 / (seconds || 1)));
  bar.style.setProperty("--p", `${(part * 100).toFixed(1)}%`);
  attr(bar, "aria-valuenow", Math.round(part * 100));
}
