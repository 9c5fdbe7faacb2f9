// What is known, in one place. Everything here is a copy of what the daemon said last; nothing is worked out
// that the daemon knows better. `change` is the only way to alter it, and asks for one drawing per frame.

export const ORDERS_KEPT = 2000; // the daemon has all; older ones are asked for a page at a time
export const LINES_KEPT = 2000; // of the log; the daemon keeps 5,000
const LINES_SLACK = 500; // beyond them, so that not every line moves all others

export const state = {
  session: null, // { name, scopes, csrf }
  signedOut: "", // why somebody has to sign in (again)
  link: { phase: "connecting", heardMs: 0, retryMs: 0, problem: "" },
  status: null,
  portfolio: null,
  training: null,
  orders: new Map(), // by client order id
  lines: [], // of the log, oldest first
  lastLine: 0,
  resources: new Map(), // name → { value, problem, readMs, loading, missing }
  view: {}, // what a person chose on each page: filters, ranges, opened rows
  nowMs: 0, // of this computer's clock, moved on by a timer
};

let draw = () => {};
let asked = false;

export function drawWith(painter) {
  draw = painter;
}

export function change(work) {
  work(state);
  redraw();
}

export function redraw() {
  if (asked) return;
  asked = true;
  // a page in the background gets no frames: then it is drawn when it is looked at
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}

// What the person chose on a page: `choice("orders", { open: false })` has defaults for what nobody chose.
export function choice(page, defaults) {
  return { ...defaults, ...state.view[page] };
}

export function choose(page, chosen) {
  change(() => {
    state.view[page] = { ...state.view[page], ...chosen };
  });
}

// -- what the stream of events says

const TAKE = {
  status: (event) => {
    state.status = event.status;
  },
  portfolio: (event) => {
    state.portfolio = event.portfolio;
  },
  training: (event) => {
    state.training = event.training;
  },
  order: (event) => takeOrders([event.order]),
  log: (event) => takeLines([event.line]),
};

// Takes one event; returns whether it was one that this page knows.
export function take(event) {
  const taker = TAKE[event.event];
  if (!taker) return false;
  change(() => taker(event));
  return true;
}

export function takeOrders(orders) {
  for (const order of orders) {
    const known = state.orders.get(order.client_order_id);
    if (known && known.history.length > order.history.length) continue; // read before, arrived after
    state.orders.set(order.client_order_id, order);
  }
  if (state.orders.size <= ORDERS_KEPT) return;
  const oldest = [...state.orders.values()]
    .filter((order) => !order.open)
    .sort((a, b) => a.created_ns - b.created_ns)
    .slice(0, state.orders.size - ORDERS_KEPT);
  for (const order of oldest) state.orders.delete(order.client_order_id);
}

// Takes lines of the log. Older ones may come after newer: what was read, after what the stream told meanwhile.
export function takeLines(lines) {
  if (!lines.length) return;
  if (lines[0].sequence > state.lastLine) state.lines.push(...lines);
  else {
    const all = new Map([...state.lines, ...lines].map((line) => [line.sequence, line]));
    state.lines = [...all.values()].sort((a, b) => a.sequence - b.sequence);
  }
  if (state.lines.length > LINES_KEPT + LINES_SLACK) state.lines.splice(0, state.lines.length - LINES_KEPT);
  state.lastLine = state.lines.at(-1).sequence;
}

// Forgets everything but what a person chose: before somebody else signs in, or a daemon starts anew.
export function forget() {
  state.status = state.portfolio = state.training = null;
  state.orders = new Map();
  state.lines = [];
  state.lastLine = 0;
  state.resources = new Map();
  if (state.view.log) state.view.log = { ...state.view.log, older: [], end: false }; // lines, not a choice
}

// -- who is signed in

const GRANTS = { admin: ["read", "operate", "liquidate", "admin"] };

export function may(scope) {
  const scopes = state.session?.scopes ?? [];
  return scopes.some((own) => own === scope || (GRANTS[own] ?? []).includes(scope));
}
