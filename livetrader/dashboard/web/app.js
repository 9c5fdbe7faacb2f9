// The frame of the page: signing in, the stream, the head with its marks, the way from page to page.

import * as api from "./api.js";
import { CONTROLS, available, drawDialog, openControl, openMenu } from "./controls.js";
import { h, patch } from "./dom.js";
import * as format from "./format.js";
import { badge } from "./parts.js";
import { doorView, ended, signOut, takeUp } from "./session.js";
import { change, drawWith, forget, redraw, state, take, takeLines, takeOrders } from "./store.js";
import { Stream } from "./stream.js";
import { need, soon } from "./resources.js";
import { daemonState } from "./words.js";
import * as alerts from "./pages/alerts.js";
import * as charts from "./pages/charts.js";
import * as data from "./pages/data.js";
import * as decisions from "./pages/decisions.js";
import * as holdings from "./pages/holdings.js";
import * as insights from "./pages/insights.js";
import * as log from "./pages/log.js";
import * as orders from "./pages/orders.js";
import * as overview from "./pages/overview.js";
import * as training from "./pages/training.js";

const STALE_MS = 4000; // the daemon speaks twice a second; later than this is worth saying
const TICK_MS = 1000;
const LINES_AT_FIRST = 1000;
const ORDERS_AT_FIRST = 300;
const GROUPS = [
  ["", [overview, charts]],
  ["Account", [holdings, orders, insights, decisions]],
  ["Daemon", [log, training, data, alerts]],
];
const PAGES = new Map(GROUPS.flatMap(([, pages]) => pages).map((page) => [page.NAME, page]));
const NEWS = { alert: "alerts", notification: "notifications", decision: "decisions" };
const THEMES = [["", "System theme"], ["light", "Light"], ["dark", "Dark"]];
const ZONES = [["UTC", "Times in UTC"], ["local", "Local times"]];

let page = overview;
let stream = null;
let navOpen = false;

// -- what a person set for this browser

function applySettings() {
  const theme = localStorage.getItem("livetrader.theme") ?? "";
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  format.useZone(localStorage.getItem("livetrader.zone") ?? "UTC");
}

function setting(name, label, options, fallback) {
  const value = localStorage.getItem(`livetrader.${name}`) ?? fallback;
  const chosen = (event) => {
    localStorage.setItem(`livetrader.${name}`, event.target.value);
    applySettings();
    change(() => {
      state.settings = (state.settings ?? 0) + 1; // charts draw themselves anew
    });
  };
  return h(
    "select",
    { "aria-label": label, onchange: chosen },
    options.map(([own, words]) => h("option", { value: own, selected: own === value }, words)),
  );
}

// -- the stream

function follow() {
  stream?.stop();
  stream = new Stream("v1/events", {
    opened: () => {
      mark("live");
      catchUp();
    },
    heard: () => {
      state.link.heardMs = performance.now();
    },
    event: (event) => {
      if (event.event === "status" && restarted(event.status)) catchUp();
      if (!take(event) && event.event in NEWS) tell(event);
    },
    waiting: (ms, problem) => {
      mark("waiting", { retryMs: performance.now() + ms, problem });
    },
    refused: (error) => leave(error.message),
  });
  stream.start();
}

// Some events only say that there is something to read. What begins to fire is read aloud.
function tell(event) {
  soon(NEWS[event.event]);
  if (event.event === "alert" && event.alert.state === "firing") {
    document.getElementById("alarms").textContent = `Alert ${event.alert.name}: ${event.alert.summary}`;
  }
}

function mark(phase, more = {}) {
  change(() => {
    state.link = { ...state.link, problem: "", ...more, phase };
    if (phase === "live") state.link.heardMs = performance.now();
  });
}

// Whether another daemon process answers than before: then everything that it says starts over.
function restarted(status) {
  const other = state.status && (state.status.pid !== status.pid || state.status.started_ns !== status.started_ns);
  if (other) {
    change(forget);
  }
  return other;
}

// Reads what the stream only tells from now on.
async function catchUp() {
  const after = state.lastLine; // before the stream moves it on
  try {
    const [page, orders] = await Promise.all([
      api.get(`v1/log?after=${after}&limit=${LINES_AT_FIRST}`),
      api.get(`v1/orders?limit=${ORDERS_AT_FIRST}`),
    ]);
    change(() => {
      takeLines(page.lines);
      takeOrders(orders);
    });
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error; // what is missing is said by the link's mark
  }
}

function leave(why) {
  stream?.stop();
  document.querySelector("#dialogs dialog")?.close();
  ended(why);
}

// -- from page to page

function route() {
  const name = location.hash.replace(/^#\/?/, "").split("?")[0] || overview.NAME;
  const next = PAGES.get(name) ?? overview;
  const other = next !== page;
  page = next;
  navOpen = false;
  redraw();
  if (other) {
    requestAnimationFrame(() => {
      scrollTo(0, 0);
      document.getElementById("title")?.focus({ preventScroll: true });
    });
  }
}

// -- drawing

function draw() {
  const root = document.getElementById("app");
  document.title = titleText();
  if (!state.session) {
    patch(root, doorView(logo(), follow));
    return;
  }
  need(page.needs?.(state) ?? []);
  format.useYear(state.status?.time_ns);
  patch(
    root,
    h(
      "div",
      { class: "frame", key: "frame" },
      h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
      head(),
      nav(),
      h("main", { id: "main", tabindex: "-1" }, staleBanner(), unreadBanner(), state.status ? page.view(state) : h("p", { class: "empty" }, "Waiting for the daemon …")),
    ),
  );
  page.drawn?.();
  drawDialog();
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function titleText() {
  const status = state.status;
  if (!state.session || !status) return "livetrader";
  const words = status.state === "running" ? "" : `${daemonState(status.state)[0]} · `;
  return `${words}${page.TITLE} · ${status.account} · livetrader`;
}

function logo() {
  return h(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    h("rect", { width: 32, height: 32, rx: 6, fill: "#1d4f7c" }),
    h("path", { d: "M6 22l6-7 5 4 9-11", fill: "none", stroke: "#fff", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

function head() {
  const status = state.status;
  return h(
    "header",
    { class: "head" },
    h("div", { class: "brand" }, logo(), h("span", {}, "livetrader")),
    status
      ? h(
          "div",
          { class: "deployment" },
          h("div", {}, h("strong", {}, status.account), h("small", {}, `${format.fileName(status.algorithm)} on ${status.brokerage}`)),
          badge(...daemonState(status.state), true),
        )
      : h("div", { class: "deployment" }),
    status ? figures(status) : null,
    h(
      "div",
      { class: "controls" },
      available().filter((kind) => kind !== "cancel").map((kind) =>
        h(
          "button",
          { type: "button", key: kind, class: `desktop${kind === "liquidate" ? " danger" : ""}`, onclick: () => openControl(kind) },
          kind === "liquidate" ? "Liquidate …" : kind === "stop" ? "Stop …" : CONTROLS[kind].press,
        ),
      ),
      h("button", { type: "button", class: "menu-button", key: "controls", onclick: openMenu }, "Controls"),
      h(
        "button",
        { type: "button", class: "menu-button", key: "menu", "aria-expanded": String(navOpen), "aria-controls": "nav", onclick: toggleNav },
        "Menu",
      ),
    ),
  );
}

function toggleNav() {
  navOpen = !navOpen;
  redraw();
}

function figures(status) {
  return h(
    "dl",
    { class: "figures" },
    h("div", {}, h("dt", {}, "Equity"), h("dd", {}, `${format.money(status.equity)} ${status.currency}`)),
    h("div", {}, h("dt", {}, "Today"), h("dd", { class: format.tone(status.day_profit) }, format.money(status.day_profit, { sign: true }))),
    h("div", {}, h("dt", {}, "Data"), h("dd", { class: stale() ? "loss" : "" }, linkWords())),
  );
}

function age() {
  return Math.max(0, performance.now() - state.link.heardMs);
}

function stale() {
  return state.link.phase !== "live" || age() > STALE_MS;
}

function linkWords() {
  if (state.link.phase === "connecting") return "connecting";
  if (!stale()) return "live";
  return `${format.duration(Math.round(age() / 1000))} old`;
}

function staleBanner() {
  if (!stale() || state.link.phase === "connecting") return null;
  const left = Math.max(0, Math.ceil((state.link.retryMs - performance.now()) / 1000));
  return h(
    "div",
    { class: "notice bad stale-banner", key: "stale", role: "alert" },
    h("strong", {}, "What you see is old."),
    h(
      "p",
      {},
      state.link.phase === "live" ? "The daemon is connected but says nothing. " : `No connection to the daemon: ${state.link.problem}. `,
      h("span", { "aria-hidden": "true" }, `Last word ${format.duration(Math.round(age() / 1000))} ago. `),
      state.link.phase === "waiting"
        ? [
            h("span", { "aria-hidden": "true" }, left ? `Next try in ${left} s. ` : "Trying … "),
            h("button", { type: "button", class: "small", onclick: () => stream.now() }, "Try now"),
          ]
        : null,
    ),
  );
}

// What was read once and cannot be read again now, while the stream goes on: what the page shows of it is old.
function unreadBanner() {
  const failing = [...state.resources.values()].find((each) => each.problem && each.value !== null && !each.missing);
  if (!failing || stale()) return null;
  return h(
    "div",
    { class: "notice warn", key: "unread", role: "status" },
    h("strong", {}, "A part of this page is old."),
    h("p", {}, `It cannot be read again now: ${failing.problem}`),
  );
}

function nav() {
  return h(
    "nav",
    { class: `nav${navOpen ? " opened" : ""}`, id: "nav", "aria-label": "Pages" },
    h(
      "div",
      {},
      GROUPS.map(([group, pages]) => [
        group ? h("p", { class: "group", key: group }, group) : null,
        pages.map((each) => {
          const count = each.count?.(state);
          return h(
            "a",
            { href: `#/${each.NAME}`, key: each.NAME, "aria-current": each === page ? "page" : null, onclick: () => each === page && toggle() },
            each.TITLE,
            count ? h("span", { class: `count ${count.kind ?? ""}`, title: count.words }, count.text) : null,
          );
        }),
      ]),
      h(
        "div",
        { class: "foot", key: "foot" },
        setting("theme", "Theme", THEMES, ""),
        setting("zone", "Time zone", ZONES, "UTC"),
        h("span", {}, `${state.session.name}, ${roleWords()}`),
        h("button", { type: "button", class: "plain small", onclick: out }, "Sign out"),
        state.status ? h("span", {}, `livetrader ${state.status.version}`) : null,
      ),
    ),
  );
}

function toggle() {
  navOpen = false;
  redraw();
}

function roleWords() {
  const { role, scopes } = state.session;
  return { view: "may look", control: "may look and control", admin: "administrator" }[role] ?? scopes.join(", ");
}

async function out() {
  stream?.stop();
  try {
    await signOut();
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error; // the daemon may be gone; signed out here in any case
  }
}

// -- start

drawWith(draw);
applySettings();
api.whenSignedOut(() => leave("Your session has ended. Sign in again."));
addEventListener("hashchange", route);
addEventListener("online", () => stream?.now());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) stream?.now();
});
setInterval(() => {
  if (!document.hidden) redraw();
}, TICK_MS);
route();
takeUp().then((known) => {
  if (known) follow();
  redraw();
});
