// What fires, and what people were told: alerts of Prometheus, notifications and the ways they go.

import * as api from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, check, empty, facts, notice, opener, panel, pending, table, time, title } from "../parts.js";
import { again, resource } from "../resources.js";
import { change, choice, choose, may } from "../store.js";
import { severityKind } from "../words.js";

export const NAME = "alerts";
export const TITLE = "Alerts";

const STATES = { waiting: "info", sent: "", acknowledged: "good", resolved: "good", given_up: "bad", logged: "" };

export function needs() {
  return ["alerts", "notifications"];
}

export function count(state) {
  const firing = state.status?.alerts?.firing;
  return firing ? { text: `${format.whole(firing)} firing`, words: state.status.alerts.loudest, kind: "bad" } : null;
}

export function view() {
  const told = resource("notifications");
  const found = resource("alerts");
  const { problem } = choice(NAME, { problem: "", opened: null, open: false });
  return [
    title(TITLE, found?.value ? `${format.whole(found.value.firing.length)} firing` : null),
    problem ? h("div", { role: "alert", key: "problem" }, notice("bad", problem)) : null,
    firingPanel(found),
    notificationsPanel(told),
    told?.value ? channelsPanel(told.value) : null,
    found?.value?.recent.length ? recentPanel(found.value) : null,
  ];
}

function firingPanel(found) {
  if (!found?.value) return panel("Firing now", {}, pending(found, "alerts"));
  const { firing } = found.value;
  return panel(
    "Firing now",
    { aside: "raised by Prometheus" },
    firing.length ? alertTable("Alerts that fire, the loudest first", firing) : empty("Nothing fires."),
  );
}

function recentPanel(found) {
  return panel("Ended lately", {}, alertTable("Alerts that ended, newest first", found.recent));
}

function alertTable(caption, rows) {
  const { opened } = choice(NAME, { opened: null });
  return table({
    caption,
    rows,
    key: (alert) => `${alert.fingerprint} ${alert.started_ns}`,
    opened,
    detail: alertDetail,
    columns: [
      { name: "Alert", lead: true, cell: (alert) => opener(NAME, `${alert.fingerprint} ${alert.started_ns}`, opened, h("strong", {}, alert.name)) },
      { name: "Severity", cell: (alert) => badge(format.words(alert.severity), severityKind(alert.severity)) },
      { name: "State", cell: (alert) => format.words(alert.state) },
      { name: "Began", cell: (alert) => time(alert.started_ns) },
      { name: "Ended", optional: true, cell: (alert) => (alert.ended_ns ? time(alert.ended_ns) : null) },
      { name: "What", wide: true, cell: (alert) => [alert.summary, alert.outcome ? h("span", { class: "under" }, alert.outcome) : null] },
    ],
  });
}

function alertDetail(alert) {
  return facts([
    ["In full", alert.description],
    ["What to do", alert.next_step],
    ["Runbook", link(alert.runbook_url)],
    ["Asked for", alert.action ? format.words(alert.action) : null],
    ["Came of it", alert.outcome],
    ["Heard", `${format.plural(alert.deliveries, "time")}, last ${format.moment(alert.heard_ns)}`],
    ...Object.entries(alert.labels).map(([name, value]) => [name, h("code", {}, value)]),
  ]);
}

// Only addresses of the web become links: what stands there came from elsewhere.
function link(address) {
  if (!/^https?:\/\//.test(address ?? "")) return address ? h("code", {}, address) : null;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, "Open");
}

function notificationsPanel(told) {
  if (!told?.value) return panel("Notifications", {}, pending(told, "notifications"));
  const { open, opened } = choice(NAME, { open: false, opened: null });
  const { notifications, unacknowledged_alarms: alarms, waiting, problem } = told.value;
  const rows = notifications.filter((each) => !open || each.open);
  const all = may("operate") && notifications.some((each) => each.open)
    ? h("button", { type: "button", class: "small", onclick: () => acknowledge("all") }, "Acknowledge all")
    : null;
  return panel(
    "Notifications",
    { aside: [alarms ? `${format.plural(alarms, "alarm")} unacknowledged` : null, waiting ? `${waiting} waiting` : null].filter(Boolean).join(", "), tools: all },
    problem ? notice("bad", problem) : null,
    h("div", { class: "filters" }, check("Open only", open, (chosen) => choose(NAME, { open: chosen }))),
    rows.length
      ? table({ caption: "Notifications, newest first", rows, key: (each) => `told ${each.id}`, opened, detail: notificationDetail, columns: notificationColumns(opened) })
      : empty(notifications.length ? "None is open." : "Nobody had to be told anything."),
  );
}

function notificationColumns(opened) {
  return [
    { name: "Notification", lead: true, cell: (each) => [opener(NAME, `told ${each.id}`, opened, h("strong", {}, each.title)), each.times > 1 ? h("span", { class: "quiet" }, ` ${each.times} times`) : null] },
    { name: "Urgency", cell: (each) => badge(format.words(each.urgency), severityKind(each.urgency)) },
    { name: "State", cell: (each) => badge(format.words(each.state), STATES[each.state]) },
    { name: "Time", cell: (each) => time(each.newest_ns || each.time_ns) },
    { name: "What", wide: true, cell: (each) => each.message },
    { name: "", optional: true, cell: (each) => (each.open && !each.acknowledged_ns && may("operate") ? h("button", { type: "button", class: "small", onclick: () => acknowledge(each.id) }, "Acknowledge", h("span", { class: "unseen" }, ` ${each.title}`)) : null) },
  ];
}

function notificationDetail(each) {
  return facts([
    ["What to do", each.next_step],
    ["Runbook", link(each.url)],
    ["Source", format.words(each.source)],
    ["First", format.moment(each.time_ns)],
    ["Sent on again", each.escalation ? format.plural(each.escalation, "time") : null],
    ["Acknowledged", each.acknowledged_by ? `${each.acknowledged_by}, ${format.moment(each.acknowledged_ns)}` : null],
    ...each.deliveries.map((way) => [way.channel, way.sent_ns ? `sent ${format.moment(way.sent_ns)}` : `${format.plural(way.attempts, "attempt")}${way.problem ? `: ${way.problem}` : ""}`]),
  ]);
}

async function acknowledge(id) {
  try {
    await api.post(`v1/notifications/${id}/ack`, {}, { key: api.newKey() });
    choose(NAME, { problem: "" });
    again("notifications");
  } catch (error) {
    change(() => choose(NAME, { problem: error.message }));
  }
}

function channelsPanel({ channels }) {
  return panel(
    "Channels",
    { aside: "the ways to people" },
    channels.length
      ? table({
          caption: "Channels",
          rows: channels,
          key: (channel) => channel.name,
          columns: [
            { name: "Channel", lead: true, cell: (channel) => h("strong", {}, channel.name) },
            { name: "State", cell: (channel) => badge(channel.problem ? "Failing" : "Working", channel.problem ? "bad" : "good") },
            { name: "Takes", optional: true, cell: (channel) => channel.urgencies.map(format.words).join(", ") },
            { name: "Sent", num: true, cell: (channel) => format.whole(channel.sent) },
            { name: "Failures", num: true, cell: (channel) => format.whole(channel.failures) },
            { name: "Waiting", num: true, cell: (channel) => format.whole(channel.waiting) },
            { name: "Says", wide: true, optional: true, cell: (channel) => [channel.problem, channel.retry_ns ? h("span", { class: "under" }, `tried again ${format.moment(channel.retry_ns)}`) : null] },
          ],
        })
      : empty("No channel is set up: notifications only stand in the log. See [notify] in the settings."),
  );
}
