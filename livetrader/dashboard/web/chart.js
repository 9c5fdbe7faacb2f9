// Charts over time, drawn as SVG. Charts of one group share the time that is shown and the cursor.
//
// chart(key, spec): spec = { label, height, group, format, series, zero, span, empty }
//   series: { name, kind: line | area | step | bar | scatter | candle, x: [ms], y: [numbers] or
//             candles: [[open, high, low, close]], tone: s0…s5 | sq | sgain | sloss, color: #RRGGBB, dashed }
//   span: { from, to } in ms, else all there is
// With a mouse: move to read, drag to zoom, double-click for all. With keys: arrows move the cursor, Escape
// shows all again. What the cursor reads is said to a screen reader.

import { h, patch, widget } from "./dom.js";
import * as format from "./format.js";
import { MARKERS, paint, stroke } from "./shapes.js";
import { linear, lowerBound, marks, nearest, padded, thin, timeMarks } from "./scale.js";

const LEFT = 4;
const RIGHT = 62; // the axis of values stands on the right, where the newest is
const TOP = 10;
const BOTTOM = 22;
const DRAG_PX = 8; // a shorter drag is a click
const SAY_MS = 400; // a cursor that rests is read aloud, not each step of its way

const groups = new Map(); // name → { cursor: ms | null, zoom: { from, to } | null, charts: Set }

export function chart(key, spec) {
  return widget(
    key,
    () => new Chart().element,
    (element) => element.chart.show(spec),
  );
}

// Shows all again in every chart of a group.
export function resetZoom(group) {
  const found = groups.get(group);
  if (!found) return;
  found.zoom = null;
  for (const each of found.charts) each.draw();
}

export function zoomed(group) {
  return Boolean(groups.get(group)?.zoom);
}

class Chart {
  constructor() {
    this.element = document.createElement("div");
    this.element.chart = this;
    this.element.className = "chart";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-roledescription", "chart");
    this.width = 0;
    this.drag = null;
    new ResizeObserver(() => this.resized()).observe(this.element);
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("blur", () => this.point(null));
  }

  show(spec) {
    if (this.spec && spec.stamp !== undefined && spec.stamp === this.spec.stamp) return;
    const name = spec.group ?? spec.label;
    if (this.groupName !== name) {
      this.groupName = name;
      this.shared?.charts.delete(this);
      if (!groups.has(name)) groups.set(name, { cursor: null, zoom: null, charts: new Set() });
      this.shared = groups.get(name);
      this.shared.charts.add(this);
    }
    this.spec = spec;
    this.draw();
  }

  resized() {
    const width = Math.floor(this.element.clientWidth);
    if (!this.element.isConnected) this.shared?.charts.delete(this);
    else this.shared?.charts.add(this);
    if (width && width !== this.width) {
      this.width = width;
      this.draw();
    }
  }

  // -- what is shown

  extent() {
    if (this.shared.zoom) return this.shared.zoom;
    if (this.spec.span) return this.spec.span;
    let from = Infinity;
    let to = -Infinity;
    for (const { x } of this.spec.series) {
      if (!x.length) continue;
      from = Math.min(from, x[0]);
      to = Math.max(to, x.at(-1));
    }
    if (from === to) return { from: from - 30_000, to: to + 30_000 };
    return { from, to };
  }

  heights(from, to) {
    let low = Infinity;
    let high = -Infinity;
    const see = (value) => {
      if (value === null || !Number.isFinite(value)) return;
      if (value < low) low = value;
      if (value > high) high = value;
    };
    for (const series of this.spec.series) {
      const first = Math.max(0, lowerBound(series.x, from) - 1);
      const last = Math.min(series.x.length - 1, lowerBound(series.x, to));
      for (let n = first; n <= last; n += 1) {
        if (series.kind === "candle") {
          see(series.candles[n][1]);
          see(series.candles[n][2]);
        } else see(series.y[n]);
      }
      if (series.kind === "bar") see(0);
    }
    if (low === Infinity) return [0, 1];
    if (this.spec.zero) return low >= 0 && high <= 0 ? [-0.01, 0] : padded(Math.min(0, low), Math.max(0, high), 0.04);
    return padded(low, high);
  }

  draw() {
    if (!this.spec || !this.width) return;
    const { spec, width } = this;
    const height = spec.height ?? 220;
    const points = spec.series.some((series) => series.x.length);
    this.element.setAttribute("aria-label", points ? this.summary() : `${spec.label}: ${spec.empty}`);
    if (!points) {
      patch(this.element, h("p", { class: "empty", style: { height: `${height}px` } }, spec.empty ?? "No points yet."));
      return;
    }
    const { from, to } = this.extent();
    const [low, high] = this.heights(from, to);
    this.x = linear(from, to, LEFT, width - RIGHT);
    this.y = linear(low, high, height - BOTTOM, spec.zero && high <= 0.04 * -low ? TOP + 2 : TOP);
    this.unX = linear(LEFT, width - RIGHT, from, to);
    patch(
      this.element,
      this.legend(from, to),
      h(
        "svg",
        {
          height,
          viewBox: `0 0 ${width} ${height}`,
          "aria-hidden": "true",
          onpointermove: (event) => this.moved(event),
          onpointerdown: (event) => this.pressed(event),
          onpointerup: (event) => this.released(event),
          onpointercancel: () => this.left(),
          onpointerleave: () => this.left(),
          ondblclick: () => this.zoom(null),
        },
        this.axes(from, to, low, high, height),
        spec.series.map((series) => this.series(series, from, to)),
        this.overlay(height),
      ),
    );
  }

  axes(from, to, low, high, height) {
    const right = this.width - RIGHT;
    const lines = marks(low, high, Math.max(2, (height - TOP - BOTTOM) / 34)).map((value) => [
      h("line", { class: value === 0 ? "zero" : "grid", x1: LEFT, x2: right, y1: px(this.y(value)), y2: px(this.y(value)) }),
      h("text", { x: right + 8, y: this.y(value) + 4 }, this.spec.axis?.(value) ?? format.compact(value)),
    ]);
    const offset = format.zoneName() === "UTC" ? 0 : -new Date(from).getTimezoneOffset() * 60_000;
    const times = timeMarks(from, to, Math.max(2, (right - LEFT) / 92), offset);
    const words = times.marks
      .filter((at) => this.x(at) > LEFT + 14 && this.x(at) < right - 10)
      .map((at) => h("text", { x: this.x(at), y: height - 6, "text-anchor": "middle" }, format.axisTime(at, times.step)));
    return h("g", { key: "axes" }, lines, words);
  }

  series(series, from, to) {
    const first = Math.max(0, lowerBound(series.x, from) - 1);
    const last = Math.min(series.x.length - 1, lowerBound(series.x, to));
    const draw = { candle: this.candles, bar: this.bars, scatter: this.dots }[series.kind] ?? this.line;
    return h("g", { key: `series ${series.name}` }, last < first ? null : draw.call(this, series, first, last));
  }

  line(series, first, last) {
    const tone = series.tone ?? "s0";
    const fill = `f${tone.replace(/^s/, "")}`;
    let path = "";
    let pen = "M";
    let before = null;
    const kept = thin(series.x, series.y, first, last, Math.max(1, this.width - LEFT - RIGHT));
    const shown = kept.filter((n) => series.y[n] !== null && Number.isFinite(series.y[n]));
    for (const n of kept) {
      const value = series.y[n];
      if (value === null || !Number.isFinite(value)) {
        pen = "M";
        continue;
      }
      const x = clip(this.x(series.x[n]), this.width).toFixed(1);
      const y = this.y(value).toFixed(1);
      if (series.kind === "step" && pen === "L") path += `L${x} ${before}`;
      path += `${pen}${x} ${y}`;
      pen = "L";
      before = y;
    }
    if (shown.length === 1) {
      return h("circle", { class: fill, style: paint(series), cx: this.x(series.x[shown[0]]), cy: this.y(series.y[shown[0]]), r: 2.5 });
    }
    const line = h("path", { class: `path ${tone}${series.dashed ? " dashed" : ""}`, style: stroke(series), d: path });
    if (series.kind !== "area" || !shown.length) return line;
    const base = this.y(this.spec.zero ? 0 : this.heights(series.x[first], series.x[last])[0]).toFixed(1);
    const start = clip(this.x(series.x[shown[0]]), this.width).toFixed(1);
    const end = clip(this.x(series.x[shown.at(-1)]), this.width).toFixed(1);
    return [h("path", { class: `area ${fill}`, style: paint(series), d: `${path}L${end} ${base}L${start} ${base}Z` }), line];
  }

  bars(series, first, last) {
    const each = this.between(series, first, last);
    const zero = this.y(0);
    const shapes = { up: "", down: "" };
    for (let n = first; n <= last; n += 1) {
      if (series.y[n] === null) continue;
      const x = this.x(series.x[n]) - each / 2;
      if (x + each < LEFT || x > this.width - RIGHT) continue;
      const y = this.y(series.y[n]);
      shapes[series.y[n] < 0 ? "down" : "up"] += `M${x.toFixed(1)} ${zero.toFixed(1)}V${y.toFixed(1)}h${each.toFixed(1)}V${zero.toFixed(1)}Z`;
    }
    const fill = `f${(series.tone ?? "s0").replace(/^s/, "")}`;
    return [shapes.up, shapes.down].map((d) => h("path", { class: fill, style: paint(series), d }));
  }

  dots(series, first, last) {
    const fill = `f${(series.tone ?? "s0").replace(/^s/, "")}`;
    const shape = MARKERS[series.marker] ?? MARKERS.circle;
    let path = "";
    for (let n = first; n <= last; n += 1) {
      const x = this.x(series.x[n]);
      if (series.y[n] !== null && x >= LEFT - 4 && x <= this.width - RIGHT + 4) path += shape(x, this.y(series.y[n]));
    }
    return h("path", { class: fill, style: paint(series), d: path });
  }

  candles(series, first, last) {
    const each = this.between(series, first, last);
    const shapes = { gain: "", loss: "" };
    for (let n = first; n <= last; n += 1) {
      const [open, high, low, close] = series.candles[n];
      const x = this.x(series.x[n]);
      if (x < LEFT || x > this.width - RIGHT) continue;
      const top = this.y(Math.max(open, close));
      const bottom = Math.max(this.y(Math.min(open, close)), top + 1);
      shapes[close < open ? "loss" : "gain"] +=
        `M${(x - each / 2).toFixed(1)} ${top.toFixed(1)}h${each.toFixed(1)}V${bottom.toFixed(1)}h${(-each).toFixed(1)}Z` +
        `M${(x - 0.5).toFixed(1)} ${this.y(high).toFixed(1)}h1V${this.y(low).toFixed(1)}h-1Z`;
    }
    return Object.entries(shapes).map(([tone, d]) => h("path", { class: `f${tone}`, d }));
  }

  // Returns how wide a bar or candle may be.
  between(series, first, last) {
    let least = Infinity;
    for (let n = first + 1; n <= last; n += 1) least = Math.min(least, series.x[n] - series.x[n - 1]);
    const width = least === Infinity ? 12 : this.x(series.x[first] + least) - this.x(series.x[first]);
    return Math.min(14, Math.max(1, width * 0.7));
  }

  overlay(height) {
    const parts = [];
    if (this.drag?.to !== undefined) {
      const [a, b] = [this.drag.from, this.drag.to].sort((m, n) => m - n);
      parts.push(h("rect", { class: "picked", x: a, y: TOP, width: b - a, height: height - TOP - BOTTOM }));
    }
    const at = this.shared.cursor;
    if (at !== null) {
      const x = this.x(at);
      if (x >= LEFT && x <= this.width - RIGHT) {
        parts.push(h("line", { class: "cursor", x1: px(x), x2: px(x), y1: TOP, y2: height - BOTTOM }));
      }
    }
    return h("g", { key: "overlay" }, parts);
  }

  legend(from, to) {
    const at = this.shared.cursor;
    const items = this.spec.series.map((series) => {
      const n = at === null ? lowerBound(series.x, to + 1) - 1 : nearest(series.x, at);
      const tone = series.kind === "candle" ? "sgain" : series.tone ?? "s0";
      return h(
        "span",
        { class: "item" },
        h("svg", { viewBox: "0 0 14 8", "aria-hidden": "true" }, h("path", { class: `path ${tone}${series.dashed ? " dashed" : ""}`, style: stroke(series), d: "M0 4H14" })),
        h("span", {}, series.name),
        n < 0 ? null : h("span", { class: "value" }, this.value(series, n)),
      );
    });
    const when = at === null ? null : h("time", {}, format.momentOfMs(at));
    return h("div", { class: "chart-legend", key: "legend", "aria-hidden": "true" }, items, when);
  }

  value(series, n) {
    const words = this.spec.format ?? format.average;
    if (series.kind === "candle") {
      return ["O", "H", "L", "C"].map((name, i) => `${name} ${words(series.candles[n][i])}`).join("  ");
    }
    return series.y[n] === null ? format.NONE : words(series.y[n]);
  }

  summary() {
    const newest = this.spec.series
      .filter((series) => series.x.length)
      .map((series) => `${series.name} ${this.value(series, series.x.length - 1)}`);
    return `${this.spec.label}. Newest: ${newest.join(", ")}. Arrow keys read other points.`;
  }

  // -- the cursor

  point(ms) {
    if (this.shared.cursor === ms) return;
    this.shared.cursor = ms;
    for (const each of this.shared.charts) each.draw();
  }

  moved(event) {
    const at = place(event);
    if (this.drag) {
      this.drag.to = clip(at, this.width);
      this.draw();
      return;
    }
    this.point(at < LEFT || at > this.width - RIGHT ? null : this.snap(this.unX(at)));
  }

  pressed(event) {
    if (event.pointerType === "mouse" && event.button === 0) this.drag = { from: clip(place(event), this.width) };
  }

  released() {
    const drag = this.drag;
    this.drag = null;
    if (drag?.to !== undefined && Math.abs(drag.to - drag.from) >= DRAG_PX) {
      const [from, to] = [this.unX(drag.from), this.unX(drag.to)].sort((a, b) => a - b);
      this.zoom({ from, to });
    }
  }

  left() {
    this.drag = null;
    this.point(null);
  }

  zoom(span) {
    this.shared.zoom = span;
    for (const each of this.shared.charts) each.draw();
  }

  // Returns the time of the point nearest to `ms`: of the series with the most points.
  snap(ms) {
    const longest = this.spec.series.reduce((a, b) => (b.x.length > a.x.length ? b : a));
    const n = nearest(longest.x, ms);
    return n < 0 ? null : longest.x[n];
  }

  key(event) {
    const longest = this.spec?.series.reduce((a, b) => (b.x.length > a.x.length ? b : a), { x: [] });
    if (!longest?.x.length) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (event.key === "Escape") {
      if (!this.shared.zoom && this.shared.cursor === null) return;
      this.zoom(null);
      this.point(null);
    } else if (step !== undefined || event.key === "Home" || event.key === "End") {
      const last = longest.x.length - 1;
      const at = this.shared.cursor === null ? last + 1 : nearest(longest.x, this.shared.cursor);
      const to = { Home: 0, End: last }[event.key] ?? Math.min(last, Math.max(0, at + step));
      this.point(longest.x[to]);
      this.say();
    } else return;
    event.preventDefault();
  }

  say() {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      const at = this.shared.cursor;
      if (at === null) return;
      const values = this.spec.series
        .map((series) => [series, nearest(series.x, at)])
        .filter(([, n]) => n >= 0)
        .map(([series, n]) => `${series.name} ${this.value(series, n)}`);
      document.getElementById("announcements").textContent = `${format.momentOfMs(at)}: ${values.join(", ")}`;
    }, SAY_MS);
  }
}

// Where in the drawing the pointer is, in its pixels.
const place = (event) => event.clientX - event.currentTarget.getBoundingClientRect().left;
const px = (value) => Math.round(value) + 0.5;
const clip = (x, width) => Math.min(width - RIGHT, Math.max(LEFT, x));
