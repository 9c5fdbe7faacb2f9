// Numbers, times and words as people read them. Money arrives as decimal text and is never made a float on
// its way to the screen. Pure, but for the choice of the time zone.

const NS_PER_MS = 1e6;
const cache = new Map();
let zone = "UTC";

let year = 0;

// Leaves the year out of times of this one.
export function useYear(ns) {
  year = ns ? new Date(ns / NS_PER_MS).getUTCFullYear() : 0;
}

// Shows times in UTC or in the zone of this computer.
export function useZone(name) {
  zone = name === "local" ? undefined : "UTC";
}

export function zoneName() {
  return zone ?? "local";
}

function numbers(options) {
  const key = JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, new Intl.NumberFormat("en-US", options));
  return cache.get(key);
}

function times(options) {
  const key = `time ${zone} ${JSON.stringify(options)}`;
  if (!cache.has(key)) {
    cache.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return cache.get(key);
}

export const NONE = "–";
const MINUS = "\u2212";

const isNumber = (value) => value !== null && value !== undefined && value !== "" && !Number.isNaN(Number(value));

// 12,345.60 — `sign` puts a plus before what is above zero.
export function money(value, { sign = false, digits = 2 } = {}) {
  if (!isNumber(value)) return NONE;
  const format = numbers({
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: sign ? "exceptZero" : "negative",
  });
  return format.format(value).replace("-", MINUS);
}

// A price: at least two decimals, and as many as it has up to eight.
export function price(value) {
  if (!isNumber(value)) return NONE;
  return numbers({ minimumFractionDigits: 2, maximumFractionDigits: 8 }).format(value).replace("-", MINUS);
}

// A price that was reckoned: an average has more digits than anybody reads.
export function average(value) {
  if (!isNumber(value)) return NONE;
  const digits = Math.abs(Number(value)) >= 1 ? 4 : 8;
  return numbers({ minimumFractionDigits: 2, maximumFractionDigits: digits }).format(value).replace("-", MINUS);
}

export function quantity(value, { sign = false } = {}) {
  if (!isNumber(value)) return NONE;
  const format = numbers({ maximumFractionDigits: 8, signDisplay: sign ? "exceptZero" : "negative" });
  return format.format(value).replace("-", MINUS);
}

export function whole(value) {
  return isNumber(value) ? numbers({ maximumFractionDigits: 0 }).format(value).replace("-", MINUS) : NONE;
}

// `value` is a ratio: 0.0123 is 1.23%.
export function percent(value, { sign = false, digits = 2 } = {}) {
  if (!isNumber(value)) return NONE;
  const format = numbers({
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: sign ? "exceptZero" : "negative",
  });
  return format.format(value).replace("-", MINUS);
}

// The number in short, for axes: 1.2M, 350K, 0.015.
export function compact(value) {
  const size = Math.abs(value);
  if (size >= 1e5) {
    return numbers({ notation: "compact", maximumFractionDigits: 2 }).format(value).replace("-", MINUS);
  }
  return numbers({ maximumSignificantDigits: 6 }).format(value).replace("-", MINUS);
}

// The class that colours a number by its sign. The sign itself is always written, too.
export function tone(value) {
  const number = Number(value);
  return number > 0 ? "gain" : number < 0 ? "loss" : "";
}

// -- times: UTC nanoseconds in

export function clock(ns) {
  return ns ? times({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ns / NS_PER_MS) : NONE;
}

export function day(ns) {
  return ns ? times({ year: "numeric", month: "short", day: "2-digit" }).format(ns / NS_PER_MS) : NONE;
}

export function moment(ns) {
  if (!ns) return NONE;
  const date = new Date(ns / NS_PER_MS);
  if (date.getUTCFullYear() !== year) return `${day(ns)} ${clock(ns)}`;
  return `${times({ month: "short", day: "2-digit" }).format(date)} ${clock(ns)}`;
}

// The machine's form, for <time datetime>.
export function iso(ns) {
  return ns ? new Date(ns / NS_PER_MS).toISOString() : "";
}

// Formats a time on an axis: `step` is the distance between two marks, in milliseconds.
export function axisTime(ms, step) {
  const date = new Date(ms);
  if (step >= 300 * 86_400_000) return times({ year: "numeric" }).format(date);
  if (step >= 25 * 86_400_000) return times({ month: "short", year: "2-digit" }).format(date);
  const atMidnight = step >= 60_000 && times({ hour: "2-digit", minute: "2-digit" }).format(date) === "00:00";
  if (step >= 86_400_000 || atMidnight) return times({ day: "numeric", month: "short" }).format(date);
  if (step >= 60_000) return times({ hour: "2-digit", minute: "2-digit" }).format(date);
  return times({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(date);
}

export function momentOfMs(ms) {
  return moment(ms * NS_PER_MS);
}

// 4 s, 3 min 5 s, 2 h 10 min, 3 d 4 h: at most two units, the way one says it.
export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  const s = Math.max(0, Number(seconds));
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${s < 10 ? Math.round(s * 10) / 10 : Math.round(s)} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", Math.floor(s % 60), "s");
  if (s < 86_400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

function two(first, unit, second, smaller) {
  return second ? `${first} ${unit} ${second} ${smaller}` : `${first} ${unit}`;
}

export function ago(ns, nowNs) {
  return ns ? `${duration((nowNs - ns) / 1e9)} ago` : NONE;
}

// partially_filled → Partially filled
export function words(name) {
  const text = String(name ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function plural(count, one, many) {
  return `${whole(count)} ${Number(count) === 1 ? one : (many ?? `${one}s`)}`;
}

export function fileName(path) {
  return String(path ?? "").split("/").pop();
}
