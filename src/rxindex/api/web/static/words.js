// How values are written for people.

const NUMBER = new Intl.NumberFormat("en");
const PARTS = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const LONG = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** In which way a hit matched: the tiers of docs/search.md. */
const MATCHES = {
  ndc: "NDC",
  brand: "brand name",
  generic: "generic name",
  name: "name",
  synonym: "synonym",
  ingredient: "ingredient",
  class: "class",
  indication: "indication",
  part: "part of the name",
  words: "words",
  spelling: "similar spelling",
  sound: "similar sound",
  filter: "filters alone",
  meaning: "similar meaning",
};

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** Write a count: `1,234`. */
export function count(number) {
  return NUMBER.format(number);
}

/** Write a number with at most one digit after the point. */
export function rounded(number) {
  return PARTS.format(number);
}

/** Write a count with its noun: `1 drug`, `2 drugs`. */
export function counted(number, noun, plural = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : plural}`;
}

/** Write bytes as the nearest of MB and GB. */
export function bytes(number) {
  return number < 2 ** 30
    ? `${rounded(number / 2 ** 20)} MB`
    : `${rounded(number / 2 ** 30)} GB`;
}

/** Write seconds in their two largest units: `0.4 s`, `2 h 5 min`. */
export function duration(seconds) {
  if (seconds < 9.95) {
    return `${rounded(Math.max(seconds, 0))} s`;
  }
  const smallest = seconds >= 86400 ? 3600 : seconds >= 3600 ? 60 : 1;
  let left = Math.round(seconds / smallest) * smallest;
  const parts = [];
  for (const [unit, size] of UNITS) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole) {
      parts.push(`${whole} ${unit}`);
    }
  }
  return parts.slice(0, 2).join(" ");
}

/** Write seconds in the one unit that suits them, short enough for an axis. */
export function shortly(seconds) {
  const [unit, size] = UNITS.find(([, least]) => seconds >= 2 * least) ?? ["s", 1];
  return `${rounded(seconds / size)} ${unit}`;
}

/** Write a time, given as a date or in ISO 8601, by the reader's own clock. */
export function moment(time) {
  return LONG.format(new Date(time));
}

/** Write an NDC with hyphens: 5-4-2, or 6-4-2 where the labeler has six digits. */
export function ndc(digits) {
  const labeler = digits.length - 6;
  return `${digits.slice(0, labeler)}-${digits.slice(labeler, -2)}-${digits.slice(-2)}`;
}

/** Say in which way a hit matched. */
export function matched(tier) {
  return MATCHES[tier] ?? tier;
}
