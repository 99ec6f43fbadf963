// A row of small pictures; each opens the large one.
import { local } from "../clock.js";
import { make } from "../dom.js";
import { exposureText } from "../format.js";
import { pictureOf } from "./ask.js";

const clock = (ms) => local.time(ms).slice(0, 5);

/** One frame as a list item. `open(frame)` shows it large. */
export function thumb(session, frame, open) {
  const where = frame.filter ? `, ${frame.filter}` : "";
  const said = `Frame ${frame.index} of ${frame.camera} at ${local.time(frame.time_ms)}${where}`;
  const view = make("span", { class: "view" });
  const missing = (words) => view.replaceChildren(make("span", { class: "missing" }, make("span", {}, words)));
  if (frame.dropped) missing("gone");
  else {
    const image = make("img", { alt: said, loading: "lazy", decoding: "async", src: pictureOf(session, frame, "thumbnail") });
    image.addEventListener("error", () => missing("no picture"));
    view.append(image);
  }
  const note = frame.dropped ? "gone" : frame.exposure_s ? exposureText(frame.exposure_s) : "";
  const words = make("span", { class: "num" }, make("span", {}, clock(frame.time_ms)), make("span", { class: "clip" }, note));
  const button = make("button", { class: "thumb", type: "button", ...(frame.dropped ? { "aria-label": `${said}, gone` } : {}) }, view, words);
  button.addEventListener("click", () => open(frame));
  return make("li", {}, button);
}
