// Numbers, units and times for people (interface guide, section 3). Pure: nothing here touches the page.
export const NONE = "\u2013";
const MINUS = "\u2212";
const THIN = "\u202f";
const known = (x) => typeof x === "number" && Number.isFinite(x);

/** Fixed decimals, true minus, thin space between thousands from 10 000 on, en dash for missing. */
export function num(x, digits = 0) {
  if (!known(x)) return NONE;
  const raw = Math.abs(x).toFixed(digits);
  const grouped = Math.abs(x) < 10000 ? raw : raw.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  return (x < 0 && Number(raw) !== 0 ? MINUS : "") + grouped;
}

/** A duration in seconds: 22 s, 4 min, 2 h 19 min. */
export function span(seconds) {
  if (!known(seconds)) return NONE;
  if (seconds < 89.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${Math.round(hours / 24)} d`;
}

/** Exposure as photographers write it: 30 s, 0.5 s, 1/250 s. Returns [value, unit]. */
export function exposure(seconds) {
  if (!known(seconds)) return [NONE, ""];
  if (seconds >= 0.3) return [String(Number(seconds.toFixed(seconds < 10 ? 1 : 0))), "s"];
  return [`1/${Math.round(1 / seconds)}`, "s"];
}

/** An interval keeps its tenth: 7.5 s is not 8 s. */
export const interval = (seconds) => (known(seconds) && seconds < 90 ? `${Number(seconds.toFixed(1))} s` : span(seconds));

export const exposureText = (seconds) => exposure(seconds).filter(Boolean).join(" ");
export const apertureText = (f) => (known(f) ? `f/${Number(f.toFixed(1))}` : NONE);

/** ISO 1600, gain 60. */
export const gainText = (gain, unit) => (known(gain) ? `${unit || "gain"} ${num(gain)}` : NONE);

/** Three significant digits in SI: 27.6 MB. */
export function bytes(count) {
  if (!known(count)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  const digits = unit === 0 ? 0 : value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${num(value, digits)} ${units[unit]}`;
}

/** Storage as time: "Room for 61 h". `null` when it cannot be known. */
export function room(freeBytes, bytesPerFrame, interval) {
  if (![freeBytes, bytesPerFrame, interval].every((x) => known(x) && x > 0)) return null;
  const hours = ((freeBytes / bytesPerFrame) * interval) / 3600;
  if (hours < 2) return `${Math.floor(hours * 60)} min`;
  return hours < 96 ? `${Math.floor(hours)} h` : `${Math.floor(hours / 24)} d`;
}

/** Formats in the observatory's time zone; the names stay English like the page. */
export class Local {
  constructor(zone) {
    const options = { timeZone: zone, hourCycle: "h23" };
    this.zone = zone;
    this.times = new Intl.DateTimeFormat("en-GB", { ...options, hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.days = new Intl.DateTimeFormat("en-GB", { ...options, day: "numeric", month: "long" });
    this.years = new Intl.DateTimeFormat("en-GB", { ...options, day: "numeric", month: "long", year: "numeric" });
    this.names = new Intl.DateTimeFormat("en-GB", { ...options, timeZoneName: "short" });
  }

  /** 03:12:04; with the day when it is another one than that of `now`. */
  time(ms, now = ms) {
    if (!known(ms)) return NONE;
    const time = this.times.format(ms);
    return this.days.format(ms) === this.days.format(now) ? time : `${this.days.format(ms)}, ${time}`;
  }

  /** The zone's short name at that moment: CET, UTC. */
  name(ms) {
    return this.names.formatToParts(ms).find((part) => part.type === "timeZoneName")?.value ?? this.zone;
  }

  /** "Night of 19 November": local noon to noon, labelled by its evening; the year only when it is not this one. */
  night(ms) {
    const hour = Number(this.times.format(ms).slice(0, 2));
    const evening = hour < 12 ? ms - 13 * 3600e3 : ms; // 13: right on the days when the clocks change, too
    const year = (t) => this.years.format(t).slice(-4);
    return `Night of ${(year(evening) === year(ms) ? this.days : this.years).format(evening)}`;
  }
}

/** Milliseconds of an ISO time, or NaN. */
export const parse = (iso) => (iso ? Date.parse(iso) : Number.NaN);

/** An angle as [sign, whole, minutes, seconds], rounded to `digits` of the seconds without ever showing 60. */
function sexagesimal(x, digits) {
  const unit = 10 ** digits;
  const total = Math.round(Math.abs(x) * 3600 * unit);
  const seconds = (total % (60 * unit)) / unit;
  const minutes = Math.floor(total / (60 * unit));
  const two = (n) => String(n).padStart(2, "0");
  const padded = seconds.toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return [x < 0 && total ? MINUS : "+", Math.floor(minutes / 60), two(minutes % 60), padded];
}

/** Right ascension: 00h 42m 44.3s. */
export function raText(hours) {
  if (!known(hours)) return NONE;
  const [, h, m, s] = sexagesimal(((hours % 24) + 24) % 24, 1);
  return `${String(h % 24).padStart(2, "0")}h ${m}m ${s}s`;
}

/** Declination: +41° 16′ 09″. */
export function decText(degrees) {
  if (!known(degrees)) return NONE;
  const [sign, d, m, s] = sexagesimal(degrees, 0);
  return `${sign}${String(d).padStart(2, "0")}° ${m}′ ${s}″`;
}

/** 26.4°. */
export const degreesText = (x) => (known(x) ? `${num(x, 1)}°` : NONE);

/** A small angle: 14″, 3.2′, 1.5°. */
export function smallAngle(arcsec) {
  if (!known(arcsec)) return NONE;
  if (arcsec < 99.5) return `${num(arcsec)}″`;
  return arcsec < 3600 ? `${num(arcsec / 60, 1)}′` : `${num(arcsec / 3600, 1)}°`;
}
