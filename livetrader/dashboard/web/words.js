// What the daemon's words mean: which are good and bad, and how they are said.

import * as format from "./format.js";

const STATES = {
  starting: ["Starting", "info"],
  reconciling: ["Reconciling", "info"],
  running: ["Running", "good"],
  halted: ["Halted", "warn"],
  liquidating: ["Liquidating", "bad"],
  flat: ["Flat, latched", "warn"],
  stopped: ["Stopped", "bad"],
  failed: ["Failed", "bad"],
};

const ORDERS = {
  filled: "good",
  partially_filled: "info",
  submitted: "info",
  update_submitted: "info",
  new: "info",
  cancel_pending: "warn",
  canceled: "",
  invalid: "bad",
  rejected: "bad",
  unknown: "bad",
};

const REASONS = {
  halted: "Halted",
  state: "Daemon",
  engine: "Engine",
  feed: "Feed",
  data: "Market data",
  brokerage: "Brokerage",
  maintenance: "Maintenance",
  kill_switch: "Kill switch",
  model: "Model",
  unresolved: "Orders of unknown outcome",
  reconciled: "Reconciliation",
  journal: "Journal",
};

// Returns [words, kind of badge] of a state of the daemon.
export function daemonState(state) {
  return STATES[state] ?? [format.words(state), ""];
}

export function orderKind(status) {
  return ORDERS[status] ?? "";
}

export function reason(name) {
  return REASONS[name] ?? format.words(name);
}

export function severityKind(severity) {
  return { critical: "bad", alarm: "bad", error: "bad", warning: "warn", page: "bad" }[severity] ?? "info";
}

// Returns [words, kind] of the connection to the brokerage.
export function connection(view) {
  const kinds = { connected: "good", connecting: "info", resting: "info", lost: "bad", overdue: "bad" };
  return [format.words(view.state), kinds[view.state] ?? ""];
}

// Returns [words, kind] of the engine process.
export function engine(view) {
  const kinds = { running: "good", ready: "good", warming_up: "info", starting: "info", waiting: "warn" };
  return [format.words(view.state), kinds[view.state] ?? "bad"];
}
