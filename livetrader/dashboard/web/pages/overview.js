// The account at a glance: what it is worth, how it came there, what is going on.

import { chart } from "../chart.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, body, choices, empty, facts, keys, notice, panel, pending, table, time, title } from "../parts.js";
import { resource } from "../resources.js";
import { choice, choose } from "../store.js";
import { connection, daemonState, engine, orderKind, reason } from "../words.js";
import { exposure, holdingColumns } from "./holdings.js";

export const NAME = "overview";
export const TITLE = "Overview";

const RANGES = [["second", "2 h"], ["minute", "2 d"], ["10minute", "2 w"], ["day", "All"]];
const NEWEST = 8; // orders and positions that are shown here
const SHOWN = ["Sharpe Ratio", "Sortino Ratio", "Compounding Annual Return", "Drawdown", "Win Rate", "Profit-Loss Ratio", "Alpha", "Beta", "Total Orders", "Total Fees"];

export function needs(state) {
  const named = state.status?.engine.steps > 0; // a deployment has its name from the algorithm
  return [`equity:${choice(NAME, { range: "minute" }).range}`, "statistics", ...(named ? ["deployment"] : [])];
}

export function view(state) {
  const { range, table: asTable } = choice(NAME, { range: "minute", table: false });
  const curve = resource(`equity:${range}`);
  const { status } = state;
  return [
    title(TITLE, subtitle(status)),
    reasons(status),
    figures(state, curve?.value),
    h(
      "div",
      { class: "columns", key: "columns" },
      h("div", { class: "stack" }, equityPanel(curve, range, asTable, state), holdingsPanel(state), ordersPanel(state)),
      h("div", { class: "stack" }, statePanel(status), runtimePanel(status), statisticsPanel()),
    ),
  ];
}

function subtitle(status) {
  const running = format.duration((status.wall_ns - status.started_ns) / 1e9);
  const deployment = resource("deployment")?.value;
  return `${deployment ? `${deployment.id}, ` : ""}up for ${running}; session time ${format.moment(status.time_ns)} ${format.zoneName()}`;
}

function reasons(status) {
  const names = Object.entries(status.reasons);
  if (!names.length) return null;
  return notice(
    status.state === "running" ? "warn" : "bad",
    h("strong", {}, "No new orders can leave now."),
    h("dl", {}, names.map(([name, words]) => [h("dt", {}, reason(name)), h("dd", {}, words)])),
    h("a", { href: "#/decisions" }, "Why no trade?"),
  );
}

function figures(state, curve) {
  const { status, portfolio } = state;
  const start = Number(curve?.start_equity);
  const total = start ? Number(status.equity) - start : null;
  const { gross, net } = exposure(portfolio);
  const equity = Number(status.equity);
  return keys([
    ["Equity", format.money(status.equity), status.currency],
    ["Today", format.money(status.day_profit, { sign: true }), format.percent(Number(status.day_profit) / (equity - Number(status.day_profit)), { sign: true }), format.tone(status.day_profit)],
    ["Since the start", format.money(total, { sign: true }), start ? format.percent(total / start, { sign: true }) : null, format.tone(total)],
    ["Drawdown", curve ? format.percent(curve.drawdown_pct / 100) : format.NONE, curve ? `deepest ${format.percent(curve.max_drawdown_pct / 100)}` : null],
    ["Exposure", equity ? format.percent(gross / equity, { digits: 1 }) : format.NONE, equity ? `net ${format.percent(net / equity, { digits: 1 })}` : null],
    ["Cash", format.money(status.cash), Object.keys(portfolio?.cash ?? {}).length > 1 ? `${Object.keys(portfolio.cash).length} currencies` : status.currency],
    ["Working orders", format.whole(status.open_orders), status.unresolved_orders ? `${status.unresolved_orders} of unknown outcome` : null, status.unresolved_orders ? "loss" : ""],
  ]);
}

function equityPanel(curve, range, asTable, state) {
  const tools = [
    choices("Range", RANGES, range, (chosen) => choose(NAME, { range: chosen })),
    h("button", { type: "button", class: "small", "aria-pressed": String(asTable), onclick: () => choose(NAME, { table: !asTable }) }, asTable ? "Chart" : "Table"),
  ];
  const options = { tools, id: "equity", aside: state.status.currency };
  if (!curve?.value) return panel("Equity", options, body(pending(curve, "the equity curve")));
  const points = curve.value.points;
  if (asTable) return panel("Equity", options, pointTable(points));
  const x = points.map((point) => point.time_ns / 1e6);
  const benchmark = benchmarkSeries(points, x);
  const stamp = `${curve.version} ${range} ${state.settings ?? 0}`;
  return panel(
    "Equity",
    options,
    body(
      chart("equity", {
        stamp,
        label: "Equity",
        group: "account",
        height: 260,
        format: (value) => format.money(value),
        empty: "The first point comes when the algorithm has run for a moment.",
        series: [{ name: "Equity", kind: "area", tone: "s0", x, y: points.map((point) => Number(point.close)) }, ...benchmark],
      }),
      points.length
        ? chart("drawdown", {
            stamp,
            label: "Drawdown",
            group: "account",
            height: 110,
            zero: true,
            format: (value) => format.percent(value / 100),
            axis: (value) => format.percent(value / 100, { digits: curve.value.max_drawdown_pct > -2 ? 2 : 1 }),
            series: [{ name: "Drawdown", kind: "area", tone: "sloss", x, y: points.map((point) => point.drawdown_pct) }],
          })
        : null,
    ),
  );
}

// The benchmark as the same money in it: from the first point that has one.
function benchmarkSeries(points, x) {
  const first = points.find((point) => point.benchmark);
  if (!first) return [];
  const scale = Number(first.close) / first.benchmark;
  return [{ name: "Benchmark, same money", kind: "line", tone: "sq", dashed: true, x, y: points.map((point) => (point.benchmark ? point.benchmark * scale : null)) }];
}

function pointTable(points) {
  return table({
    caption: "Equity, newest first",
    rows: points.slice(-100).reverse(),
    key: (point) => String(point.time_ns),
    columns: [
      { name: "Time", lead: true, cell: (point) => time(point.time_ns) },
      { name: "Equity", num: true, cell: (point) => format.money(point.close) },
      { name: "Drawdown", num: true, cell: (point) => format.percent(point.drawdown_pct / 100) },
      { name: "Benchmark", num: true, cell: (point) => format.price(point.benchmark) },
    ],
  });
}

function statePanel(status) {
  const { kill_switch: kill, training, data } = status;
  return panel(
    "State",
    {},
    body(
      facts([
        ["Daemon", badge(...daemonState(status.state))],
        ["Engine", badge(...engine(status.engine))],
        ["Engine restarts", status.engine.restarts ? `${status.engine.restarts}, ${status.engine.restarts_in_window} lately` : null],
        ["Last failure", status.engine.last_failure],
        [`Brokerage, ${status.brokerage}`, badge(...connection(status.brokerage_connection))],
        ["Maintenance", status.brokerage_connection.maintenance || status.brokerage_connection.notice],
        [`Feed, ${status.feed.name}`, badge(status.feed.connected ? "Connected" : "Not connected", status.feed.connected ? "good" : "bad")],
        ["Newest market data", status.feed.data_age_s === null ? format.NONE : `${format.duration(status.feed.data_age_s)} ago`],
        ["Stale symbols", data.stale_symbols ? h("span", { class: "loss" }, data.stale_symbols) : null],
        ["Model", training.model.problem ? h("span", { class: "loss" }, training.model.problem) : training.model.made_ns ? `made ${format.moment(training.model.made_ns)}` : null],
        ["Training", training.is_training ? badge("Training", "info") : null],
        ["Kill switch", badge(kill.latched ? `Latched, ${format.words(kill.state).toLowerCase()}` : "Armed", kill.latched ? "bad" : "good")],
      ]),
    ),
  );
}

function runtimePanel(status) {
  const own = Object.entries(status.statistics);
  if (!own.length) return null;
  return panel("Runtime statistics", { aside: "set by the algorithm" }, body(facts(own)));
}

function statisticsPanel() {
  const found = resource("statistics");
  if (!found?.value) return panel("Performance", {}, found?.missing || found?.problem ? body(pending(found, "statistics")) : empty("Reading …"));
  const { summary, runtime } = found.value;
  const pairs = SHOWN.filter((name) => name in summary).map((name) => [name, summary[name]]);
  const lately = Object.entries(runtime).filter(([name]) => ["Fees", "Volume", "Holdings", "Net Profit", "Unrealized", "Return"].includes(name));
  if (!pairs.length && !lately.length) return panel("Performance", {}, empty("Figures come with the first full day."));
  return panel("Performance", { aside: "as LEAN reckons, by whole days" }, body(facts([...lately, ...pairs])));
}

function holdingsPanel(state) {
  const holdings = [...(state.portfolio?.holdings ?? [])].sort((a, b) => Math.abs(b.market_value ?? 0) - Math.abs(a.market_value ?? 0));
  const more = holdings.length - NEWEST;
  return panel(
    "Holdings",
    { aside: format.plural(holdings.length, "position"), tools: h("a", { href: "#/holdings" }, "All holdings") },
    holdings.length
      ? table({ caption: "Largest holdings", rows: holdings.slice(0, NEWEST), key: (row) => row.symbol, columns: holdingColumns(state).filter((column) => !column.rare) })
      : empty("No open positions."),
    more > 0 ? h("footer", {}, `${more} more`) : null,
  );
}

function ordersPanel(state) {
  const orders = [...state.orders.values()].sort((a, b) => b.created_ns - a.created_ns || b.id - a.id).slice(0, NEWEST);
  return panel(
    "Latest orders",
    { tools: h("a", { href: "#/orders" }, "All orders") },
    orders.length
      ? table({
          caption: "Latest orders",
          rows: orders,
          key: (order) => order.client_order_id,
          columns: [
            { name: "Symbol", lead: true, cell: (order) => h("strong", {}, order.ticker) },
            { name: "Time", cell: (order) => time(order.created_ns) },
            { name: "Type", cell: (order) => format.words(order.type) },
            { name: "Quantity", num: true, cell: (order) => format.quantity(order.quantity, { sign: true }) },
            { name: "Average price", num: true, cell: (order) => format.average(order.average_fill_price) },
            { name: "Status", cell: (order) => badge(format.words(order.status), orderKind(order.status)) },
          ],
        })
      : empty("No orders yet."),
  );
}
