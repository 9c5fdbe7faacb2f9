// The log: of the algorithm, the engine process and the daemon.

import * as api from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { check, empty, panel, search, select, time, title } from "../parts.js";
import { change, choice, choose, state } from "../store.js";

export const NAME = "log";
export const TITLE = "Log";

const LEVELS = [["", "All"], ["info", "Information or worse"], ["warning", "Warnings or worse"], ["error", "Errors"]];
const RANKS = { trace: 0, debug: 0, info: 1, log: 1, warning: 2, error: 3, critical: 4 };
const SOURCES = [["", "All"], ["algorithm", "Algorithm"], ["engine", "Engine process"], ["daemon", "Daemon"]];
const SHOWN = 400; // lines at once
const PAGE = 500; // older lines asked for at once
const NEAR_PX = 40; // from the end: then the log follows what is written

export function view(known) {
  const chosen = choice(NAME, { text: "", level: "", source: "", follow: true, older: [], end: false });
  const found = filtered([...chosen.older, ...known.lines], chosen);
  const lines = found.slice(-(SHOWN + chosen.older.length));
  return [
    title(TITLE, `${format.whole(known.lines.length + chosen.older.length)} lines read`),
    panel(
      "Lines",
      {
        aside: `${format.whole(found.length)} fit the filter`,
        footer: [
          chosen.end ? "The oldest line there is" : h("button", { type: "button", class: "small", onclick: () => older(chosen) }, "Read older lines"),
          h("button", { type: "button", class: "small", onclick: () => save(found) }, "Save what is shown"),
        ],
      },
      h(
        "div",
        { class: "filters" },
        search("Text", chosen.text, (text) => choose(NAME, { text })),
        select("Level", LEVELS, chosen.level, (level) => choose(NAME, { level })),
        select("Source", SOURCES, chosen.source, (source) => choose(NAME, { source })),
        check("Follow", chosen.follow, (follow) => choose(NAME, { follow })),
      ),
      lines.length
        ? h(
            "ol",
            { class: "log", tabindex: "0", "aria-label": "Lines of the log, oldest first", onscroll: scrolled },
            lines.map((line) => row(line, chosen.text.trim())),
          )
        : empty(known.lines.length ? "No line fits the filter." : "Nothing has been written yet."),
    ),
  ];
}

function filtered(lines, { text, level, source }) {
  const wanted = text.trim().toLowerCase();
  const least = level ? RANKS[level] : -1;
  return lines.filter(
    (line) => (RANKS[line.level] ?? 1) >= least && (!source || line.source === source) && (!wanted || line.message.toLowerCase().includes(wanted)),
  );
}

function row(line, text) {
  return h(
    "li",
    { key: String(line.sequence), class: `level-${line.level}` },
    h("span", { class: "quiet" }, time(line.time_ns)),
    h("span", { class: (RANKS[line.level] ?? 1) >= 3 ? "loss" : line.level === "warning" ? "warn" : "quiet" }, line.level),
    h("span", { class: "quiet" }, line.source),
    h("span", {}, marked(line.message, text)),
  );
}

// Returns the message with every place that fits the filter marked.
function marked(message, text) {
  if (!text) return message;
  const parts = [];
  const lower = message.toLowerCase();
  const wanted = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(message.slice(from, at), h("mark", {}, message.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  return [...parts, message.slice(from)];
}

// Keeps the newest line in view, unless somebody reads further up.
export function drawn() {
  const list = document.querySelector("ol.log");
  if (list && choice(NAME, { follow: true }).follow) list.scrollTop = list.scrollHeight;
}

function scrolled(event) {
  const { scrollTop, scrollHeight, clientHeight } = event.target;
  const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  if (choice(NAME, { follow: true }).follow !== atEnd) choose(NAME, { follow: atEnd });
}

async function older(chosen) {
  const first = chosen.older[0] ?? state.lines[0];
  if (!first) return;
  try {
    const page = await api.get(`v1/log?before=${first.sequence}&limit=${PAGE}`);
    choose(NAME, { older: [...page.lines, ...chosen.older], end: page.lines.length === 0, follow: false });
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    change(() => choose(NAME, { end: true }));
  }
}

function save(lines) {
  const text = lines.map((line) => `${format.iso(line.time_ns)} ${line.level} ${line.source} ${line.message}\n`).join("");
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `livetrader-${state.status.account}.log`;
  link.click();
  URL.revokeObjectURL(address);
}
