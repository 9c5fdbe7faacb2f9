// Sessions and the freshness of data: who is connected to whom, how old the newest word is.

import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, body, facts, keys, notice, panel, table, time, title } from "../parts.js";
import { connection, engine } from "../words.js";

export const NAME = "data";
export const TITLE = "Sessions and data";

const RUNGS = { fresh: "good", resting: "", waiting: "info", doubted: "warn", reconnected: "warn", stale: "bad" };

export function count(state) {
  const stale = state.status?.data.stale_symbols;
  return stale ? { text: `${format.whole(stale)} stale`, words: "symbols without fresh data", kind: "bad" } : null;
}

export function view({ status }) {
  const { data } = status;
  const fresh = data.states.fresh ?? 0;
  const watched = Object.values(data.states).reduce((sum, count) => sum + count, 0);
  const streams = watched || data.feeds.reduce((sum, feed) => sum + feed.streams, 0);
  return [
    title(TITLE, `Session time ${format.moment(status.time_ns)} ${format.zoneName()}`),
    data.stale_symbols ? notice("bad", h("strong", {}, `${format.plural(data.stale_symbols, "symbol takes", "symbols take")} no new risk: their data are not fresh.`)) : null,
    keys([
      ["Streams", format.whole(streams), watched ? `${format.whole(fresh)} fresh` : "freshness is not watched in a replay"],
      ["Stale symbols", format.whole(data.stale_symbols), null, data.stale_symbols ? "loss" : ""],
      ["Bars that wait", format.whole(data.waiting_bars)],
      ["Backfilled bars", format.whole(data.backfilled_bars)],
      ["Missing bars", format.whole(data.missing_bars), null, data.missing_bars ? "warn" : ""],
    ]),
    feedsPanel(data),
    data.unwell.length ? streamsPanel(data) : null,
    h("div", { class: "halves", key: "halves" }, brokeragePanel(status), enginePanel(status)),
  ];
}

function feedsPanel(data) {
  return panel(
    "Feeds",
    { aside: "in order of preference" },
    table({
      caption: "Feeds",
      rows: data.feeds,
      key: (feed) => feed.name,
      columns: [
        { name: "Feed", lead: true, cell: (feed) => h("strong", {}, feed.name) },
        { name: "Connection", cell: (feed) => badge(feed.connected ? "Connected" : "Not connected", feed.connected ? "good" : "bad") },
        { name: "Newest data", num: true, cell: (feed) => (feed.data_age_s === null ? "none yet" : `${format.duration(feed.data_age_s)} ago`) },
        { name: "Subscriptions", num: true, cell: (feed) => format.whole(feed.subscriptions) },
        { name: "Streams served", num: true, cell: (feed) => format.whole(feed.streams) },
        { name: "Reconnects", num: true, cell: (feed) => format.whole(feed.reconnects) },
        { name: "Refused", optional: true, cell: (feed) => Object.entries(feed.refused).map(([why, count]) => `${format.words(why)} ${count}`).join(", ") },
        { name: "Says", optional: true, cell: (feed) => feed.message },
      ],
    }),
  );
}

function streamsPanel(data) {
  return panel(
    "Streams that are not well",
    { aside: "the worst first" },
    table({
      caption: "Streams that are not well",
      rows: data.unwell,
      key: (stream) => `${stream.ticker} ${stream.resolution} ${stream.tick_type} ${stream.feed}`,
      columns: [
        { name: "Symbol", lead: true, cell: (stream) => [h("strong", {}, stream.ticker), h("span", { class: "quiet" }, ` ${stream.resolution} ${stream.tick_type}`)] },
        { name: "State", cell: (stream) => badge(format.words(stream.state), RUNGS[stream.state]) },
        { name: "Since", cell: (stream) => time(stream.since_ns) },
        { name: "Last heard", cell: (stream) => (stream.heard_ns ? time(stream.heard_ns) : "never") },
        { name: "Feed", cell: (stream) => stream.feed },
        { name: "Why", wide: true, cell: (stream) => stream.reason },
      ],
    }),
  );
}

function brokeragePanel(status) {
  const link = status.brokerage_connection;
  return panel(
    "Brokerage",
    { aside: status.brokerage },
    body(
      facts([
        ["Connection", badge(...connection(link))],
        [link.state === "connected" ? "Since" : "Away since", link.since_ns ? time(link.since_ns) : format.NONE],
        ["Why", link.reason],
        ["Expected back", link.expected_ns ? time(link.expected_ns) : null],
        ["Attempts", link.attempts || null],
        ["Maintenance", link.maintenance],
        ["Notice", link.notice],
        ["Orders held back", link.held_orders || null],
        ["Session", status.brokerage_session_id ? h("code", {}, status.brokerage_session_id) : format.NONE],
      ]),
    ),
  );
}

function enginePanel(status) {
  const view = status.engine;
  return panel(
    "Engine process",
    { aside: view.pid ? `process ${view.pid}` : null },
    body(
      facts([
        ["State", badge(...engine(view))],
        ["Running for", view.started_ns ? format.duration((status.wall_ns - view.started_ns) / 1e9) : format.NONE],
        ["Restarts", `${view.restarts}, ${view.restarts_in_window} against the budget`],
        ["Last sign of life", view.beat_age_s === null ? format.NONE : `${format.duration(view.beat_age_s)} ago`],
        ["This step has run for", view.step_age_s === null ? "between steps" : format.duration(view.step_age_s)],
        ["Steps", format.whole(view.steps)],
        ["Conflated events", format.whole(view.conflated)],
        ["Memory", `${format.whole(view.resident_mb)} MB`],
        ["Last failure", view.last_failure ? h("span", { class: "loss" }, view.last_failure) : null],
      ]),
      view.warm_up_short.length ? notice("warn", h("strong", {}, "Warmed up by less than was asked for"), h("ul", {}, view.warm_up_short.map((words) => h("li", {}, words)))) : null,
    ),
  );
}
