// Places of the sky: what people type, and where that is above the horizon. Good to half a degree, for a drawing:
// the telescope's host computes with precession, refraction and all; it alone decides what is up.
const DEGREE = Math.PI / 180;
const J2000_MS = Date.UTC(2000, 0, 1, 12);

/** Altitude and azimuth (north 0, east 90) in degrees. `ms`: since 1970; longitude east positive. */
export function horizontal(raHours, decDeg, { lat, lon }, ms) {
  const days = (ms - J2000_MS) / 86400e3;
  const sidereal = 280.46061837 + 360.98564736629 * days + lon; // Meeus, Astronomical Algorithms (12.4)
  const hour = (sidereal - raHours * 15) * DEGREE;
  const [dec, phi] = [decDeg * DEGREE, lat * DEGREE];
  const altitude = Math.asin(Math.sin(phi) * Math.sin(dec) + Math.cos(phi) * Math.cos(dec) * Math.cos(hour));
  const azimuth = Math.atan2(-Math.cos(dec) * Math.sin(hour), Math.sin(dec) * Math.cos(phi) - Math.cos(dec) * Math.sin(phi) * Math.cos(hour));
  return { altitude: altitude / DEGREE, azimuth: (azimuth / DEGREE + 360) % 360 };
}

const NUMBER = "\\d+(?:[.,]\\d+)?";
const GAP = "[\\s:hdms°′″'\"]+";
const value = (words) => Number(words.replace(",", "."));

/** "0 42 44" as 0.712…; NaN when minutes or seconds are 60 or more. */
function whole(words) {
  const parts = words.split(new RegExp(GAP)).filter(Boolean).map(value);
  if (parts.slice(1).some((part) => part >= 60)) return Number.NaN;
  return parts.reduce((sum, part, index) => sum + part / 60 ** index, 0);
}

/**
 * What somebody typed: {target} for a name, {ra_hours, dec_deg} for a place, {wrong} with the reason when it is neither.
 * Right ascension is in hours: "0 42 44 +41 16 09", "00h42m44s +41°16′09″", "0:42.7 41:16", "0.712 41.27".
 */
export function place(typed) {
  const words = typed.trim();
  if (!words) return { wrong: "A name such as M 31, or right ascension and declination." };
  if (!/^[+\-−]?\d[\d\s.,:+\-−hdms°′″'"]*$/i.test(words) || !/[\s:+\-−h]/i.test(words)) return { target: words };
  const text = words.toLowerCase().replaceAll("−", "-");
  const split = pair(text);
  if (!split) return { wrong: "Right ascension in hours, then declination in degrees: 0 42 44 +41 16 09, or 0.712 41.27." };
  const [ra, sign, dec] = [whole(split[0]), split[1] === "-" ? -1 : 1, whole(split[2])];
  if (Number.isNaN(ra) || Number.isNaN(dec)) return { wrong: "Minutes and seconds are below 60." };
  if (ra >= 24) return { wrong: "Right ascension is 0 to 24 hours." };
  if (dec > 90) return { wrong: "Declination is −90 to +90°." };
  return { ra_hours: ra, dec_deg: sign * dec };
}

/** [right ascension, sign, declination], each of one to three numbers, the same count when no sign parts them; or null. */
function pair(text) {
  const group = (count) => `(${NUMBER}(?:${GAP}${NUMBER}){${count}})${GAP.replace("+", "*")}`;
  const signed = new RegExp(`^${group("0,2")}([+-])\\s*${group("0,2")}$`).exec(text);
  if (signed) return signed.slice(1);
  for (const count of [0, 1, 2]) {
    const plain = new RegExp(`^(${NUMBER}(?:${GAP}${NUMBER}){${count}})${GAP}(${NUMBER}(?:${GAP}${NUMBER}){${count}})${GAP.replace("+", "*")}$`).exec(text);
    if (plain) return [plain[1], "+", plain[2]];
  }
  return null;
}
