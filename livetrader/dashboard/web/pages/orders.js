// Every order with what happened to it.

import * as api from "../api.js";
import { openControl } from "../controls.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, check, empty, facts, opener, panel, search, select, table, time, title } from "../parts.js";
import { change, choice, choose, may, takeOrders } from "../store.js";
import { orderKind } from "../words.js";

export const NAME = "orders";
export const TITLE = "Orders";

const PAGE = 100; // rows shown at first, and added at each press
const STATUSES = [["", "All"], ["filled", "Filled"], ["canceled", "Canceled"], ["invalid", "Invalid"], ["unknown", "Unknown outcome"]];

export function count(state) {
  const open = state.status?.open_orders;
  return open ? { text: format.whole(open), words: "working orders" } : null;
}

export function view(state) {
  const chosen = choice(NAME, { text: "", status: "", open: false, opened: null, rows: PAGE, end: false });
  const all = filtered(state, chosen);
  const rows = all.slice(0, chosen.rows);
  return [
    title(
      TITLE,
      `${format.plural(state.status.open_orders, "working order")}`,
      may("operate") && state.status.open_orders
        ? h("button", { type: "button", class: "danger", onclick: () => openControl("cancel") }, "Cancel all …")
        : null,
    ),
    foreign(state),
    panel(
      "Orders",
      { aside: format.plural(all.length, "order"), footer: footer(state, chosen, all) },
      h(
        "div",
        { class: "filters" },
        search("Symbol, tag or id", chosen.text, (text) => choose(NAME, { text, rows: PAGE })),
        select("Status", STATUSES, chosen.status, (status) => choose(NAME, { status, rows: PAGE })),
        check("Working only", chosen.open, (open) => choose(NAME, { open, rows: PAGE })),
      ),
      rows.length
        ? table({ caption: "Orders, newest first", rows, key: (order) => order.client_order_id, columns: columns(chosen.opened), opened: chosen.opened, detail })
        : empty(state.orders.size ? "No order fits the filter." : "No orders yet."),
    ),
  ];
}

function filtered(state, { text, status, open }) {
  const wanted = text.trim().toLowerCase();
  return [...state.orders.values()]
    .filter((order) => !open || order.open)
    .filter((order) => !status || order.status === status)
    .filter((order) => !wanted || [order.ticker, order.tag, order.client_order_id, order.brokerage_order_id, String(order.id)].some((each) => each?.toLowerCase().includes(wanted)))
    .sort((a, b) => b.created_ns - a.created_ns || b.id - a.id);
}

function columns(opened) {
  return [
    { name: "Order", lead: true, cell: (order) => opener(NAME, order.client_order_id, opened, h("strong", {}, order.ticker), h("span", { class: "quiet" }, ` ${order.id || "kill switch"}`)) },
    { name: "Time", cell: (order) => time(order.created_ns) },
    { name: "Type", cell: (order) => format.words(order.type) },
    { name: "Quantity", num: true, cell: (order) => format.quantity(order.quantity, { sign: true }) },
    { name: "Filled", num: true, cell: (order) => format.quantity(order.filled_quantity) },
    { name: "Limit or stop", num: true, cell: (order) => limits(order) },
    { name: "Average price", num: true, cell: (order) => format.average(order.average_fill_price) },
    { name: "Status", cell: (order) => badge(format.words(order.status), orderKind(order.status)) },
    { name: "Tag", optional: true, cell: (order) => order.tag },
  ];
}

function limits(order) {
  return [order.limit_price, order.stop_price].filter((each) => each !== null).map(format.price).join(" / ") || format.NONE;
}

function detail(order) {
  return [
    h(
      "ol",
      { class: "steps", "aria-label": "What happened to it" },
      order.history.map((step, n) => h("li", { key: n }, time(step.time_ns), h("span", {}, stepWords(step)))),
    ),
    h("hr", {}),
    facts([
      ["Client order id", h("code", {}, order.client_order_id)],
      ["Brokerage order id", order.brokerage_order_id ? h("code", {}, order.brokerage_order_id) : format.NONE],
      ["Identifier", h("code", {}, order.symbol)],
    ]),
    order.open && may("operate")
      ? h("button", { type: "button", class: "danger small", onclick: () => openControl("cancel", { order: order.client_order_id }) }, "Cancel this order …")
      : null,
  ];
}

function stepWords(step) {
  const parts = [format.words(step.status), step.message];
  if (step.quantity !== null) parts.push(`${format.quantity(step.quantity, { sign: true })} at ${format.price(step.price)}`);
  if (step.fee !== null) parts.push(`fee ${format.money(step.fee)}`);
  return parts.filter(Boolean).join(", ");
}

function foreign(state) {
  const others = state.status.foreign_orders;
  if (!others.length) return null;
  return panel(
    "Orders of others",
    { aside: "at the brokerage, not ours; never touched" },
    table({
      caption: "Working orders that are not ours",
      rows: others,
      key: (order) => order.brokerage_order_id,
      columns: [
        { name: "Symbol", lead: true, cell: (order) => h("strong", {}, order.ticker) },
        { name: "Brokerage order id", cell: (order) => order.brokerage_order_id },
        { name: "Type", cell: (order) => format.words(order.type) },
        { name: "Quantity", num: true, cell: (order) => format.quantity(order.quantity, { sign: true }) },
        { name: "Filled", num: true, cell: (order) => format.quantity(order.filled_quantity) },
        { name: "Limit", num: true, cell: (order) => format.price(order.limit_price) },
      ],
    }),
  );
}

function footer(state, chosen, all) {
  if (all.length > chosen.rows) {
    return [`${all.length - chosen.rows} more below`, h("button", { type: "button", class: "small", onclick: () => choose(NAME, { rows: chosen.rows + PAGE }) }, "Show more")];
  }
  if (chosen.end || !all.length || state.orders.size < PAGE) return null;
  return ["Newest orders only", h("button", { type: "button", class: "small", onclick: () => older(state, chosen) }, "Ask for older ones")];
}

async function older(state, chosen) {
  const oldest = [...state.orders.values()].reduce((a, b) => (a.created_ns <= b.created_ns ? a : b));
  const found = await api.get(`v1/orders?limit=${PAGE}&before=${encodeURIComponent(oldest.client_order_id)}`).catch(() => []);
  change(() => takeOrders(found));
  choose(NAME, { rows: chosen.rows + PAGE, end: found.length < PAGE });
}
