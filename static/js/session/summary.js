// The figures of a session, and what is known about it.
import { local, serverNow } from "../clock.js";
import { attr, make } from "../dom.js";
import { bytes, num, parse, span } from "../format.js";

const reading = (name, value, unit, note, s) => {
  const figure = make("dd", {}, value, ...(unit ? [make("span", { class: "u" }, unit)] : []));
  return make("div", { class: "reading", "data-s": s }, make("dt", {}, name), figure, make("dd", { class: "n" }, note));
};

/** [value, unit] of a text such as "27.6 MB". */
const split = (words) => [words.slice(0, words.lastIndexOf(" ")), words.slice(words.lastIndexOf(" ") + 1)];

/** The row of large figures. */
export function drawSummary(root, { meta, metrics, cameras, events, solves, logs }) {
  const frames = cameras.reduce((sum, camera) => sum + camera.frames, 0);
  const gone = cameras.reduce((sum, camera) => sum + camera.dropped, 0);
  const start = parse(meta.start_time);
  const seconds = metrics.duration_seconds ?? (parse(meta.end_time) - start) / 1000;
  const [amount, unit] = split(bytes(metrics.bytes ?? 0));
  const until = meta.end_time ? local.time(parse(meta.end_time), start) : "now";
  const lost = metrics.frames_lost ? `${num(metrics.frames_lost)} lost` : gone ? `${num(gone)} gone` : "none lost";
  root.replaceChildren(
    reading("Frames", num(frames), "", lost, metrics.frames_lost ? "fault" : null),
    reading("Cameras", num(cameras.length), "", cameras.map(({ name }) => name).join(", ") || "none"),
    reading("Duration", span(seconds), "", `${local.time(start)} to ${until}`),
    reading("Frames on disk", amount, unit, meta.instrument ?? ""),
    reading("Plate solutions", num(solves.length), "", solves.length ? "see below" : "none"),
    reading("Events", num(events), "", `${num(logs)} log row${logs === 1 ? "" : "s"}`),
    reading("Errors", num(metrics.errors ?? 0), "", `${num(metrics.warnings ?? 0)} warning${metrics.warnings === 1 ? "" : "s"}`, metrics.errors ? "fault" : null),
  );
  attr(root, "aria-busy", null);
}

const SUFFIXES = { us: [1e-6, "s"], s: [1, "s"], c: [1, "°C"], mm: [1, "mm"] };

/** "exposure 2 s" of ["exposure_us", 2000000]. */
function setting([key, value]) {
  const words = key.split("_");
  const [factor, unit] = words.length > 1 && typeof value === "number" ? (SUFFIXES[words.at(-1)] ?? []) : [];
  return unit ? `${words.slice(0, -1).join(" ")} ${Number((value * factor).toPrecision(6))} ${unit}` : `${words.join(" ")} ${value}`;
}

/** Everything else that is known, as pairs. */
export function drawAbout(list, { meta, cameras, metrics }) {
  const place = meta.location ? `${num(meta.location.lat, 4)}°, ${num(meta.location.lon, 4)}°, ${num(meta.location.alt ?? 0)} m` : null;
  const facts = [
    ["Instrument", meta.instrument],
    ["Target", meta.target],
    ["Purpose", meta.purpose],
    ["Began", local.time(parse(meta.start_time), serverNow())],
    ["Ended", meta.end_time ? local.time(parse(meta.end_time), serverNow()) : null],
    ["State", meta.status],
    ["Site", place],
    ["Unreadable lines", metrics.journal_bad_lines || null],
    ["Written by", meta.software?.[0] ? `${meta.software[0].name} ${meta.software[0].version}` : null],
    ["UUID", meta.uuid],
    ...cameras.map(({ name, info, settings }) => [
      `Camera ${name}`,
      [info.model, info.lens, info.focal_length_mm ? `${info.focal_length_mm} mm` : null, ...Object.entries(settings).map(setting)].filter(Boolean).join(", ") || "nothing told",
    ]),
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  list.replaceChildren(...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]));
}
