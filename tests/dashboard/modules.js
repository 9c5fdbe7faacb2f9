// Runs pieces of the dashboard's own modules, as the browser has them, and returns what they say.
async (piece) => {
  const folder = document.querySelector("script[type=module]").src.replace(/[^/]*$/, "");
  const load = (name) => import(folder + name);
  const pieces = {
    money: async () => {
      const { money } = await load("format.js");
      return [money("12345678901234567.89"), money("-0.1"), money("5", { sign: true }), money(null), money("0.00", { sign: true })];
    },
    durations: async () => {
      const { duration } = await load("format.js");
      return [0.5, 4, 185, 7800, 273600].map(duration);
    },
    moments: async () => {
      const { moment, axisTime } = await load("format.js");
      return [moment(1583159460e9), moment(0), axisTime(1583159460e3, 3600e3), axisTime(1583159460e3, 86400e3)];
    },
    marks: async () => {
      const { marks, timeMarks } = await load("scale.js");
      const times = timeMarks(Date.UTC(2020, 0, 15), Date.UTC(2020, 11, 15), 6);
      const endless = [marks(1e16, 1e16 + 2, 6), timeMarks(NaN, NaN, 6).marks]; // the page hung
      return [marks(0, 100, 5), marks(-0.9, 0, 2), times.marks.map((at) => new Date(at).toISOString().slice(0, 10)), endless];
    },
    thinning: async () => {
      const { thin } = await load("scale.js");
      const xs = Array.from({ length: 10_000 }, (_, n) => n);
      const ys = xs.map((n) => (n === 5003 ? 99 : n === 7001 ? -99 : Math.sin(n)));
      const kept = thin(xs, ys, 0, 9999, 300);
      return [kept.length <= 1200, ...[0, 5003, 7001, 9999].map((n) => kept.includes(n))];
    },
    patching: async () => {
      const { h, patch } = await load("dom.js");
      const list = document.createElement("ul");
      document.body.append(list);
      const draw = (...names) => patch(list, names.map((name) => h("li", { key: name }, h("button", {}, name))));
      draw("a", "b", "c");
      const kept = list.children[1];
      kept.firstChild.focus();
      draw("n", "b", "c", "d"); // as a log goes on: the oldest leaves, others come
      const focused = document.activeElement === kept.firstChild;
      draw("d", "c", "b", "n");
      const words = [...list.children].map((each) => each.textContent).join("");
      const same = list.children[2] === kept;
      draw();
      const empty = list.children.length;
      list.remove();
      return [focused, words, same, empty];
    },
    lines: async () => {
      const { state, takeLines } = await load("store.js");
      const of = (...sequences) => sequences.map((sequence) => ({ sequence }));
      takeLines(of(7)); // the stream was faster than what was read
      takeLines(of(4, 5, 6, 7));
      takeLines(of(8));
      takeLines([]);
      return state.lines.map((line) => line.sequence);
    },
    forgetting: async () => {
      const { choose, forget, state } = await load("store.js");
      choose("log", { text: "fill", older: [{ sequence: 1 }] });
      forget();
      return { lines: state.lines.length, older: state.view.log.older.length, text: state.view.log.text };
    },
    curve: async () => {
      const { joined, since } = await load("resources.js");
      const at = (...times) => times.map((time_ns) => ({ time_ns }));
      let points = joined(undefined, at(60, 120, 121)); // two candles that are over, and one that is not
      const asked = since(points);
      points = joined(points, at(122));
      points = joined(points, at(123));
      points = joined(points, at(180, 181));
      return [asked, points.map((point) => point.time_ns), joined(points, []).length];
    },
    events: async () => {
      const { EventCutter } = await load("stream.js");
      const found = [];
      const cutter = new EventCutter((data) => found.push(data));
      const text = ': hello\n\nevent: x\nid: 1\ndata: {"a":1}\n\ndata: two\r\ndata: lines\r\n\r\ndata:last\n\ndata: cut';
      for (const letter of text) cutter.push(letter);
      return found;
    },
  };
  return pieces[piece]();
}
