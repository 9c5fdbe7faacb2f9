// The charts that the algorithm draws with plot(), and those of the daemon.

import { chart } from "../chart.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { body, check, empty, panel, pending, select, table, time, title } from "../parts.js";
import { resource } from "../resources.js";
import { choice, choose } from "../store.js";

export const NAME = "charts";
export const TITLE = "Charts";

const LINE = 0;
const SCATTER = 1;
const CANDLE = 2;
const BAR = 3;
const FLAG = 4;
const STACKED = 5;
const PIE = 6;
const TREEMAP = 7;
const KINDS = { [LINE]: "line", [SCATTER]: "scatter", [CANDLE]: "candle", [BAR]: "bar", [FLAG]: "scatter", [STACKED]: "area" };
const TONES = 6;
const COLOR = /^#[0-9a-f]{6}$/i;
const SHOWN_AT_ONCE = 6; // charts on the page; more are a choice away
const RECENT = 100; // rows of the table

export function needs() {
  const names = resource("charts")?.value ?? [];
  return ["charts", ...picked(names).map((each) => `chart:${each.name}`)];
}

function picked(names) {
  const { chart: wanted, all } = choice(NAME, { chart: "", all: false });
  if (wanted) return names.filter((each) => each.name === wanted);
  return names.filter((each) => each.own || all).slice(0, SHOWN_AT_ONCE);
}

export function view(state) {
  const { chart: wanted, all, table: asTable } = choice(NAME, { chart: "", all: false, table: false });
  const found = resource("charts");
  if (!found?.value) return [title(TITLE), panel("Charts", {}, pending(found, "charts"))];
  const names = found.value;
  const own = names.filter((each) => each.own);
  return [
    title(TITLE, own.length ? format.plural(own.length, "chart of the algorithm", "charts of the algorithm") : null),
    h(
      "section",
      { class: "panel", key: "choice", "aria-label": "Which charts" },
      h(
        "div",
        { class: "filters" },
        select("Chart", [["", own.length ? "The algorithm's" : "None chosen"], ...names.map((each) => [each.name, each.name])], wanted, (chosen) => choose(NAME, { chart: chosen })),
        check("The daemon's own, too", all, (chosen) => choose(NAME, { all: chosen })),
        check("As tables", asTable, (chosen) => choose(NAME, { table: chosen })),
      ),
    ),
    picked(names).length
      ? h("div", { class: "chart-list", key: "list" }, picked(names).map((each) => chartPanel(each, asTable, state)))
      : panel("No charts of the algorithm", {}, empty("It draws with self.plot(chart, series, value); what it draws stands here.")),
  ];
}

function chartPanel({ name }, asTable, state) {
  const found = resource(`chart:${name}`);
  if (!found?.value) return panel(name, {}, found?.problem ? pending(found, "this chart") : empty("Reading …"));
  const series = found.value.series;
  const stamp = `${found.version} ${state.settings ?? 0}`;
  return panel(
    name,
    { aside: units(series) },
    body(asTable ? seriesTable(name, series) : panes(series).map((pane, n) => drawing(name, pane, n, stamp))),
  );
}

function units(series) {
  return [...new Set(series.map((each) => each.unit).filter(Boolean))].join(", ");
}

// Series of one index share a pane; pies and treemaps are lists of shares.
function panes(series) {
  const found = new Map();
  for (const each of series) {
    const pane = each.kind === PIE || each.kind === TREEMAP ? "shares" : each.index;
    found.set(pane, [...(found.get(pane) ?? []), each]);
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
}

function drawing(name, [pane, series], n, stamp) {
  if (pane === "shares") return shares(series);
  return chart(`${name} ${pane}`, {
    stamp,
    label: n ? `${name}, pane ${n + 1}` : name,
    group: "charts",
    height: n ? 140 : 240,
    empty: "No points yet.",
    series: series.map((each, at) => ({
      name: each.name,
      kind: KINDS[each.kind] ?? "line",
      marker: each.marker,
      tone: `s${at % TONES}`,
      color: COLOR.test(each.color) ? each.color : "",
      x: each.points.map((point) => point.time_ns / 1e6),
      y: each.points.map((point) => point.values[0] ?? null),
      candles: each.kind === CANDLE ? each.points.map((point) => point.values) : undefined,
    })),
  });
}

function shares(series) {
  const values = series.map((each) => [each.name, Math.abs(each.points.at(-1)?.values[0] ?? 0)]);
  const total = values.reduce((sum, [, value]) => sum + value, 0) || 1;
  return h(
    "ul",
    { key: "shares" },
    values.map(([name, value]) =>
      h(
        "li",
        { key: name },
        h("div", { class: "facts" }, h("div", {}, h("span", {}, name), h("span", {}, `${format.compact(value)}, ${format.percent(value / total, { digits: 1 })}`))),
        h("div", { class: "meter", "aria-hidden": "true" }, h("div", { style: { width: `${(value / total) * 100}%` } })),
      ),
    ),
  );
}

function seriesTable(name, series) {
  const rows = series
    .flatMap((each) => each.points.slice(-RECENT).map((point) => ({ key: `${each.name} ${point.time_ns}`, series: each.name, point })))
    .sort((a, b) => b.point.time_ns - a.point.time_ns)
    .slice(0, RECENT);
  return table({
    caption: `${name}, newest points first`,
    rows,
    key: (row) => row.key,
    columns: [
      { name: "Time", lead: true, cell: (row) => time(row.point.time_ns) },
      { name: "Series", cell: (row) => row.series },
      { name: "Value", num: true, cell: (row) => row.point.values.map(format.price).join(" / ") },
    ],
  });
}
