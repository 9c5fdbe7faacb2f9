// Where things stand on a chart: scales, round marks, and fewer points than there are. Pure.

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const STEPS = [
  1000, 2000, 5000, 10_000, 15_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE,
  30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];
const DAYS_PER_MONTH = 30.4;

// Returns a function from [from, to] to [start, end].
export function linear(from, to, start, end) {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

// Returns round numbers between `low` and `high`, about `count` of them.
export function marks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((unit) => unit * power).find((unit) => unit >= rough);
  const found = [];
  const first = Math.ceil(low / step - 1e-9);
  if (first + 1 === first) return [low, high]; // so large and so close together that one more is the same
  for (let n = first; n * step <= high + step * 1e-9; n += 1) {
    found.push(Number((n * step).toPrecision(12)));
  }
  return found;
}

// Returns { step, marks } of round times (milliseconds) between two, at most `count`. `offset` is the zone's
// distance to UTC in milliseconds.
export function timeMarks(from, to, count, offset = 0) {
  const rough = (to - from) / Math.max(1, count);
  if (!Number.isFinite(rough)) return { step: DAY, marks: [] }; // no times: the months would never end
  const step = STEPS.find((candidate) => candidate >= rough);
  const found = [];
  if (step) {
    for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to; at += step) found.push(at);
    return { step, marks: found };
  }
  const months = MONTHS.find((m) => m * DAYS_PER_MONTH * DAY >= rough) ?? MONTHS.at(-1);
  const first = new Date(from + offset);
  let month = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
  for (;;) {
    const at = Date.UTC(Math.floor(month / 12), month % 12) - offset;
    if (at > to) break;
    if (at >= from) found.push(at);
    month += months;
  }
  return { step: months * DAYS_PER_MONTH * DAY, marks: found };
}

// Returns the index of the first element that is not below `value`.
export function lowerBound(ascending, value) {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Returns the index of the element nearest to `value`, -1 of none.
export function nearest(ascending, value) {
  const after = lowerBound(ascending, value);
  if (after === 0) return ascending.length ? 0 : -1;
  if (after === ascending.length) return after - 1;
  return value - ascending[after - 1] <= ascending[after] - value ? after - 1 : after;
}

// Returns the indexes to draw between `first` and `last`, where there are more points than pixels: of each
// column of pixels the first, the lowest, the highest and the last. So no spike is lost.
export function thin(xs, ys, first, last, columns) {
  const count = last - first + 1;
  if (count <= columns * 4) return Array.from({ length: count }, (_, n) => first + n);
  const width = (xs[last] - xs[first]) / columns || 1;
  const kept = [];
  let at = first;
  for (let column = 0; at <= last; column += 1) {
    const end = column >= columns - 1 ? Infinity : xs[first] + (column + 1) * width;
    const begun = at;
    let low = at;
    let high = at;
    while (at <= last && xs[at] < end) {
      if (ys[at] < ys[low]) low = at;
      if (ys[at] > ys[high]) high = at;
      at += 1;
    }
    if (at === begun) continue;
    for (const index of [...new Set([begun, low, high, at - 1])].sort((a, b) => a - b)) kept.push(index);
  }
  return kept;
}

// Returns [low, high] with some air; one value alone stands in the middle.
export function padded(low, high, share = 0.06) {
  if (low === high) {
    const air = Math.abs(low) * 0.01 || 1;
    return [low - air, high + air];
  }
  const air = (high - low) * share;
  return [low - air, high + air];
}
