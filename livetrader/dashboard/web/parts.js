// The parts that pages are made of. Each is a function that returns a tree of nodes.

import { h } from "./dom.js";
import * as format from "./format.js";
import { choose } from "./store.js";

export function badge(text, kind = "", big = false) {
  return h("span", { class: `badge ${kind}${big ? " big" : ""}` }, text);
}

// A box with a title. `tools` stand on the right of it, `aside` says a few words beside it.
export function panel(title, { aside, tools, footer, id } = {}, ...body) {
  const name = `panel-${id ?? title.toLowerCase().replaceAll(/\W+/g, "-")}`;
  return h(
    "section",
    { class: "panel", "aria-labelledby": name, key: name },
    h(
      "header",
      {},
      h("h2", { id: name }, title),
      aside ? h("span", { class: "aside" }, aside) : null,
      tools ? h("div", { class: "tools" }, tools) : null,
    ),
    body,
    footer ? h("footer", {}, footer) : null,
  );
}

export function body(...children) {
  return h("div", { class: "body" }, children);
}

export function empty(text) {
  return h("p", { class: "empty" }, text);
}

export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}` }, children);
}

export function title(text, more, tools) {
  return h(
    "div",
    { class: "title", key: "title" },
    h("h1", { id: "title", tabindex: "-1" }, text),
    more ? h("p", {}, more) : null,
    tools ? h("div", { class: "tools" }, tools) : null,
  );
}

// Key figures: [name, value, more, class].
export function keys(figures) {
  return h(
    "dl",
    { class: "keys", key: "keys" },
    figures.map(([name, value, more, kind]) =>
      h("div", { key: name }, h("dt", {}, name), h("dd", { class: kind ?? "" }, value), more ? h("dd", {}, more) : null),
    ),
  );
}

// Facts: [name, value]; what is null is left out.
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))),
  );
}

// A table. Columns: { name, cell(row), num, lead, wide, optional }; an optional one is left out where no row has
// anything in it. `detail(row)`: what an opened row shows.
// On a phone each row is a card: `lead` is its heading, `wide` takes a line of its own.
export function table({ caption, columns: offered, rows, key, detail, opened, foot }) {
  const columns = offered.filter((column) => !column.optional || rows.some((row) => !bare(column.cell(row))));
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "cards" },
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        {},
        h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.num ? "num" : "" }, column.name))),
      ),
      h(
        "tbody",
        {},
        rows.map((row) => {
          const own = key(row);
          const open = opened === own && detail;
          return [
            h("tr", { key: own, class: open ? "opened" : "" }, columns.map((column) => cell(column, column.cell(row)))),
            open ? h("tr", { key: `${own} detail`, class: "detail" }, h("td", { colspan: columns.length }, detail(row))) : null,
          ];
        }),
      ),
      foot ? h("tfoot", {}, h("tr", {}, columns.map((column, n) => cell(column, foot[n] ?? "")))) : null,
    ),
  );
}

function bare(content) {
  return [content].flat(Infinity).every((part) => part === null || part === undefined || part === "" || part === false);
}

function cell(column, content) {
  const classes = [column.num ? "num" : "", column.lead ? "lead" : "", column.wide ? "wide" : ""].filter(Boolean);
  const nothing = bare(content);
  return h("td", { class: classes.join(" "), "data-name": nothing ? null : column.name }, nothing ? null : content);
}

// A button that opens and closes the detail of a row. `page` keeps which one is open.
export function opener(page, own, opened, ...content) {
  return h(
    "button",
    {
      type: "button",
      class: "row",
      "aria-expanded": String(opened === own),
      onclick: () => choose(page, { opened: opened === own ? null : own }),
    },
    content,
  );
}

// One of several choices: [value, words].
export function choices(label, options, value, chosen) {
  return h(
    "div",
    { class: "choices", role: "group", "aria-label": label },
    options.map(([own, words]) =>
      h("button", { type: "button", key: own, "aria-pressed": String(own === value), onclick: () => chosen(own) }, words),
    ),
  );
}

export function select(label, options, value, chosen) {
  return h(
    "label",
    {},
    h("span", {}, label),
    h(
      "select",
      { value, onchange: (event) => chosen(event.target.value) },
      options.map(([own, words]) => h("option", { value: own, selected: own === value }, words)),
    ),
  );
}

export function search(label, value, chosen, placeholder = "") {
  return h(
    "label",
    { class: "grow" },
    h("span", {}, label),
    h("input", {
      type: "search",
      value,
      placeholder,
      autocomplete: "off",
      spellcheck: "false",
      oninput: (event) => chosen(event.target.value),
    }),
  );
}

export function check(label, checked, chosen) {
  return h(
    "label",
    { class: "check" },
    h("input", { type: "checkbox", checked, onchange: (event) => chosen(event.target.checked) }),
    h("span", {}, label),
  );
}

export function time(ns, words) {
  return ns ? h("time", { datetime: format.iso(ns), title: `${format.day(ns)} ${format.clock(ns)} ${format.zoneName()}` }, words ?? format.moment(ns)) : format.NONE;
}

// Money that is won or lost: with its sign and the colour of it.
export function profit(value, options = {}) {
  return h("span", { class: format.tone(value) }, format.money(value, { sign: true, ...options }));
}

// What stands in the place of something that is read from the daemon and not there (yet).
export function pending(resource, what) {
  if (resource?.missing) return empty(`This daemon does not offer ${what}.`);
  if (resource?.problem) return notice("bad", h("p", {}, resource.problem));
  return empty("Reading …");
}
