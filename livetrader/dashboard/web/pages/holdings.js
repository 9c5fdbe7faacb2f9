// What the account holds.

import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, body, empty, facts, notice, panel, profit, search, table, title } from "../parts.js";
import { choice, choose } from "../store.js";
import { resource } from "../resources.js";

export const NAME = "holdings";
export const TITLE = "Holdings";

export function needs() {
  return ["reconciliation"];
}

export function count(state) {
  const held = state.portfolio?.holdings.length;
  return held ? { text: format.whole(held), words: "positions" } : null;
}

// Returns what is at the market: gross and net, in account currency.
export function exposure(portfolio) {
  const values = (portfolio?.holdings ?? []).map((holding) => Number(holding.market_value ?? 0));
  return { gross: values.reduce((sum, value) => sum + Math.abs(value), 0), net: values.reduce((sum, value) => sum + value, 0) };
}

export function holdingColumns(state) {
  const equity = Number(state.portfolio?.equity ?? 0);
  const restricted = new Map(state.status.restricted.map((each) => [each.symbol, each]));
  return [
    { name: "Symbol", lead: true, cell: (row) => [h("strong", {}, row.ticker), restricted.has(row.symbol) ? [" ", badge("restricted", "warn")] : null] },
    { name: "Quantity", num: true, cell: (row) => format.quantity(row.quantity) },
    { name: "Average price", num: true, cell: (row) => format.average(row.average_price) },
    { name: "Last price", num: true, cell: (row) => format.price(row.last_price) },
    { name: "Market value", num: true, cell: (row) => format.money(row.market_value) },
    { name: "Unrealized", num: true, cell: (row) => profit(row.unrealized_profit) },
    { name: "Change", num: true, rare: true, cell: (row) => change(row) },
    { name: "Share of equity", num: true, rare: true, cell: (row) => (equity ? format.percent(Number(row.market_value) / equity, { digits: 1 }) : format.NONE) },
  ];
}

function change(row) {
  const cost = Number(row.average_price) * Math.abs(Number(row.quantity));
  const ratio = cost && row.unrealized_profit !== null ? Number(row.unrealized_profit) / cost : null;
  return h("span", { class: format.tone(ratio) }, format.percent(ratio, { sign: true }));
}

export function view(state) {
  const { text } = choice(NAME, { text: "" });
  const { portfolio, status } = state;
  const wanted = text.trim().toUpperCase();
  const rows = (portfolio?.holdings ?? []).filter((row) => row.ticker.toUpperCase().includes(wanted));
  const unrealized = rows.reduce((sum, row) => sum + Number(row.unrealized_profit ?? 0), 0);
  const value = rows.reduce((sum, row) => sum + Number(row.market_value ?? 0), 0);
  return [
    title(TITLE, `Equity ${format.money(status.equity)} ${status.currency}`),
    status.restricted.length ? restrictions(status) : null,
    panel(
      "Positions",
      { aside: format.plural(rows.length, "position") },
      h("div", { class: "filters" }, search("Symbol", text, (chosen) => choose(NAME, { text: chosen }))),
      rows.length
        ? table({ caption: "Positions", rows, key: (row) => row.symbol, columns: holdingColumns(state), foot: ["Total", "", "", "", format.money(value), profit(unrealized), "", ""] })
        : empty(portfolio?.holdings.length ? "No position of this name." : "No open positions."),
    ),
    h("div", { class: "halves", key: "halves" }, cashPanel(portfolio), accountPanel(state)),
  ];
}

function restrictions(status) {
  return notice(
    "warn",
    h("strong", {}, "Some symbols take no new risk."),
    h("dl", {}, status.restricted.map((each) => [h("dt", {}, each.ticker), h("dd", {}, each.reason, each.closed ? ", closed to all orders" : "")])),
    h("p", { class: "quiet" }, "livetrader adopt, ignore or flatten settles them."),
  );
}

function cashPanel(portfolio) {
  const cash = Object.entries(portfolio?.cash ?? {});
  return panel("Cash", {}, cash.length ? body(facts(cash.map(([currency, amount]) => [currency, format.money(amount)]))) : empty("No cash is known."));
}

function accountPanel(state) {
  const found = resource("reconciliation")?.value;
  const { gross, net } = exposure(state.portfolio);
  return panel(
    "Account",
    {},
    body(
      facts([
        ["Gross exposure", format.money(gross)],
        ["Net exposure", format.money(net)],
        ["Profit today", profit(state.status.day_profit)],
        ["Compared with the brokerage", found ? format.moment(found.time_ns) : format.NONE],
        ["Problem", found?.problem ? h("span", { class: "loss" }, found.problem) : null],
        ["Differences", found ? format.whole(found.differences.length) : null],
        ["Orders of others", format.whole(state.status.foreign_orders.length)],
        ["Orders of unknown outcome", format.whole(state.status.unresolved_orders)],
      ]),
    ),
  );
}
