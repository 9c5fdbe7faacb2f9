// What the algorithm predicts.

import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, check, empty, panel, pending, search, table, time, title } from "../parts.js";
import { resource } from "../resources.js";
import { choice, choose } from "../store.js";

export const NAME = "insights";
export const TITLE = "Insights";

const DIRECTIONS = { up: "good", down: "bad", flat: "" };

export function needs() {
  return ["insights"];
}

export function view() {
  const { text, active } = choice(NAME, { text: "", active: false });
  const found = resource("insights");
  if (!found?.value) return [title(TITLE), panel("Insights", {}, pending(found, "insights"))];
  const wanted = text.trim().toLowerCase();
  const rows = found.value.insights
    .filter((each) => !active || each.active)
    .filter((each) => !wanted || [each.ticker, each.source, each.tag].some((words) => words.toLowerCase().includes(wanted)));
  return [
    title(TITLE, format.plural(found.value.total, "insight since the start", "insights since the start")),
    panel(
      "Newest insights",
      { aside: format.plural(rows.length, "insight") },
      h(
        "div",
        { class: "filters" },
        search("Symbol, model or tag", text, (chosen) => choose(NAME, { text: chosen })),
        check("Active only", active, (chosen) => choose(NAME, { active: chosen })),
      ),
      rows.length
        ? table({ caption: "Insights, newest first", rows, key: (each) => each.id, columns })
        : empty(found.value.total ? "No insight fits the filter." : "The algorithm has emitted no insights. What it gives to self.emit_insights stands here."),
    ),
  ];
}

const columns = [
  { name: "Symbol", lead: true, cell: (each) => h("strong", {}, each.ticker) },
  { name: "Direction", cell: (each) => badge(format.words(each.direction), DIRECTIONS[each.direction]) },
  { name: "Time", cell: (each) => time(each.time_ns) },
  { name: "Until", cell: (each) => time(each.close_ns) },
  { name: "Kind", cell: (each) => format.words(each.kind) },
  { name: "Magnitude", num: true, cell: (each) => format.percent(each.magnitude) },
  { name: "Confidence", num: true, cell: (each) => format.percent(each.confidence, { digits: 0 }) },
  { name: "Weight", num: true, cell: (each) => format.quantity(each.weight) },
  { name: "Model", cell: (each) => each.source },
  { name: "Active", cell: (each) => (each.active ? "Yes" : "No") },
];
