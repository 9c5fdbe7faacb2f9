// Why no trade? What the algorithm wanted lately and what became of it, and what would stop it now.

import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, body, empty, facts, notice, opener, panel, pending, search, select, table, time, title } from "../parts.js";
import { resource } from "../resources.js";
import { choice, choose } from "../store.js";
import { orderKind, reason } from "../words.js";

export const NAME = "decisions";
export const TITLE = "Why no trade?";

const GATES = { open: ["Open", "good"], narrow: ["Narrow", "warn"], closed: ["Closed", "bad"] };
const OUTCOMES = { waiting: ["Waiting", "warn"], stopped: ["Stopped", "bad"], sent: ["Sent", "good"], refused: ["Refused", "bad"] };

export function needs() {
  return ["decisions"];
}

export function view(state) {
  const found = resource("decisions");
  if (!found?.value) return [title(TITLE), fallback(state, found)];
  const answer = found.value;
  return [
    title(TITLE),
    notice(answer.trading ? "" : "bad", h("strong", {}, answer.trading ? "An order could leave now." : "No order could leave now."), h("p", {}, answer.words)),
    gatesPanel(answer.gates),
    h("div", { class: "columns", key: "columns" }, decisionsPanel(answer), countsPanel(answer, state)),
  ];
}

function fallback(state, found) {
  const names = Object.entries(state.status.reasons);
  if (found && !found.missing) return panel("Gates", {}, pending(found, "decisions"));
  if (!names.length) return panel("Gates", {}, empty("Nothing keeps orders from leaving."));
  return panel("Gates", {}, body(facts(names.map(([name, words]) => [reason(name), words]))));
}

function gatesPanel(gates) {
  const rank = { closed: 0, narrow: 1, open: 2 };
  const ordered = [...gates].sort((a, b) => rank[a.state] - rank[b.state]);
  return panel(
    "Gates as they stand now",
    { aside: "every order passes all of them" },
    h(
      "ul",
      { class: "gates" },
      ordered.map((gate) =>
        h(
          "li",
          { key: gate.name },
          h("strong", {}, reason(gate.name)),
          h("span", {}, badge(...(GATES[gate.state] ?? [format.words(gate.state), ""]))),
          h("span", {}, gate.words, gate.next_step ? h("span", { class: "quiet" }, format.words(gate.next_step)) : null),
        ),
      ),
    ),
  );
}

function decisionsPanel(answer) {
  const chosen = choice(NAME, { text: "", outcome: "", opened: null });
  const wanted = chosen.text.trim().toLowerCase();
  const rows = answer.decisions
    .filter((each) => !chosen.outcome || each.outcome === chosen.outcome)
    .filter((each) => !wanted || [each.ticker, each.gate, each.message, each.tag].some((words) => words.toLowerCase().includes(wanted)));
  return panel(
    "Last decisions",
    { aside: `${format.whole(answer.total)} since the daemon started` },
    h(
      "div",
      { class: "filters" },
      search("Symbol, gate or words", chosen.text, (text) => choose(NAME, { text })),
      select("Outcome", [["", "All"], ...Object.entries(OUTCOMES).map(([name, [words]]) => [name, words])], chosen.outcome, (outcome) => choose(NAME, { outcome })),
    ),
    rows.length
      ? table({ caption: "Decisions, newest first", rows, key: (each) => String(each.sequence), columns: columns(chosen.opened), opened: chosen.opened, detail })
      : empty(answer.total ? "No decision fits the filter." : "The algorithm has not asked for an order yet."),
  );
}

function columns(opened) {
  return [
    { name: "Decision", lead: true, cell: (each) => opener(NAME, String(each.sequence), opened, h("strong", {}, each.ticker), " ", format.quantity(each.quantity, { sign: true })) },
    { name: "Time", cell: (each) => time(each.time_ns) },
    { name: "Type", cell: (each) => format.words(each.type) },
    { name: "Market", num: true, cell: (each) => format.price(each.reference_price) },
    { name: "Outcome", cell: (each) => badge(...(OUTCOMES[each.outcome] ?? [format.words(each.outcome), ""])) },
    { name: "Gate or order", cell: (each) => (each.gate ? reason(each.gate) : badge(format.words(each.status), orderKind(each.status))) },
  ];
}

function detail(each) {
  return facts([
    ["In words", each.message || format.NONE],
    ["Order", format.whole(each.order_id)],
    ["Status", format.words(each.status)],
    ["On the wall clock", format.moment(each.wall_ns)],
    ["Identifier", h("code", {}, each.symbol)],
    ["Tag", each.tag],
  ]);
}

function countsPanel(answer, state) {
  const stopped = Object.entries(answer.stopped).sort(([, a], [, b]) => b - a);
  const last = answer.last_decision_ns;
  return panel(
    "In figures",
    {},
    body(
      facts([
        ["Steps of the algorithm", format.whole(answer.steps)],
        ["Decisions", format.whole(answer.total)],
        ["Last decision", last ? format.ago(last, state.status.wall_ns) : "none so far"],
        ...stopped.map(([gate, count]) => [`Stopped: ${reason(gate).toLowerCase()}`, format.whole(count)]),
      ]),
    ),
  );
}
