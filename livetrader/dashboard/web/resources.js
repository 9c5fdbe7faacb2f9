// What a page needs besides the stream: read when the page opens, and again every few seconds while somebody
// looks at it. A name may carry a parameter: `equity:minute`, `chart:Strategy Equity`.

import { get, Refused } from "./api.js";
import { change, state } from "./store.js";

const POINTS = 5000; // of a curve; the daemon gives no more in one answer
const SOON_MS = 500; // news is read no faster than this
const PAUSE_MS = 250; // between two looks at what is due

const FACTORY = {
  equity: {
    everyMs: 2000,
    path: (spacing, before) => `v1/equity?spacing=${spacing}&limit=${POINTS}&since_ns=${since(before?.points)}`,
    merge: (before, fresh) => ({ ...fresh, points: joined(before?.points, fresh.points) }),
  },
  charts: { everyMs: 5000, path: () => "v1/charts" },
  chart: {
    everyMs: 2500,
    path: (name) => `v1/chart?name=${encodeURIComponent(name)}&limit=${POINTS}`,
  },
  statistics: { everyMs: 10_000, path: () => "v1/statistics" },
  trades: { everyMs: 10_000, path: () => "v1/trades?limit=200" },
  deployment: { everyMs: 10_000, path: () => "v1/deployment" },
  insights: { everyMs: 5000, path: () => "v1/insights?limit=200" },
  decisions: { everyMs: 2000, path: () => "v1/decisions?limit=200" },
  alerts: { everyMs: 5000, path: () => "v1/alerts" },
  notifications: { everyMs: 5000, path: () => "v1/notifications?limit=200" },
  reconciliation: { everyMs: 10_000, path: () => "v1/reconciliation" },
};

// The newest point may be of a candle that is not over, and moves with its last value: it is asked for again.
export const since = (points) => points?.at(-2)?.time_ns ?? 0;

export function joined(before, fresh) {
  if (!before?.length || !fresh.length) return fresh.length ? fresh : (before ?? []);
  // big numbers lose their last digits in a browser: the point asked from may come once more
  const from = fresh[0].time_ns;
  return [...before.slice(0, -1).filter((point) => point.time_ns < from), ...fresh].slice(-POINTS);
}

let needed = [];
let timer;

// Says what the page in view needs; forgets what others needed but no longer is.
export function need(names) {
  if (names.join("\n") === needed.join("\n")) return;
  needed = names;
  for (const name of [...state.resources.keys()]) {
    if (!names.includes(name)) state.resources.delete(name);
  }
  look();
}

// Reads something again at once: after a person changed it.
export function again(name) {
  const known = state.resources.get(name);
  if (known) known.readMs = -Infinity;
  look();
}

// Reads something again soon, however often this is called: the stream told that there is news.
export function soon(name) {
  const known = state.resources.get(name);
  if (known) known.readMs = Math.min(known.readMs, performance.now() - FACTORY[name].everyMs + SOON_MS);
}

export function resource(name) {
  return state.resources.get(name);
}

function look() {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
  if (!state.session || document.hidden) return;
  const now = performance.now();
  for (const name of needed) {
    const [kind] = name.split(":", 1);
    const known = state.resources.get(name);
    const due = !known || now - known.readMs >= FACTORY[kind].everyMs;
    if (due && !known?.loading) read(name, kind);
  }
}

async function read(name, kind) {
  const entry = state.resources.get(name) ?? { value: null, problem: "", missing: false, version: 0 };
  state.resources.set(name, entry);
  entry.loading = true;
  const begunMs = performance.now();
  entry.readMs = begunMs;
  const asked = FACTORY[kind];
  try {
    const fresh = await get(asked.path(name.slice(kind.length + 1), entry.value));
    change(() => {
      entry.value = asked.merge ? asked.merge(entry.value, fresh) : fresh;
      entry.problem = "";
      entry.missing = false;
      entry.version += 1;
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    change(() => {
      entry.missing = error.status === 404;
      entry.problem = error.message;
    });
  } finally {
    entry.loading = false;
    if (entry.readMs === begunMs) entry.readMs = performance.now(); // else somebody asked for it anew meanwhile
  }
}
