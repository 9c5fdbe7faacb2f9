// Server-sent events over fetch: unlike EventSource it tells a lost session from a lost daemon, and says how
// long ago the last byte came.

import { Refused } from "./api.js";

const SILENCE_MS = 15_000; // the daemon sends a comment at least every 10 s
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
const BUFFER_LIMIT = 4 << 20; // characters of one event; more is not ours

// Cuts text into events as the standard says, as far as we use it: `data` lines, comments, blank lines.
export class EventCutter {
  constructor(found) {
    this.found = found;
    this.rest = "";
    this.data = [];
  }

  push(text) {
    this.rest += text;
    if (this.rest.length > BUFFER_LIMIT) throw new Error("an event without an end");
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }

  line(line) {
    if (line === "") {
      if (this.data.length) this.found(this.data.join("\n"));
      this.data = [];
    } else if (line.startsWith("data:")) {
      this.data.push(line.slice(line[5] === " " ? 6 : 5));
    }
  }
}

// Follows the stream until `stop()`. Calls `opened()` at each (re)connection, `event(object)` for each event,
// `heard()` for each byte, `waiting(ms, problem)` before each new try, `refused(error)` when it may not.
export class Stream {
  constructor(path, handlers) {
    this.path = path;
    this.handlers = handlers;
    this.failures = 0;
    this.stopped = false;
  }

  start() {
    this.run();
  }

  stop() {
    this.stopped = true;
    this.abort?.abort();
    clearTimeout(this.timer);
  }

  // Tries at once, where it was waiting.
  now() {
    if (this.timer === undefined || this.stopped) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.run();
  }

  async run() {
    let problem = "the stream ended";
    try {
      await this.follow();
    } catch (error) {
      if (this.stopped) return;
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
        this.handlers.refused(error);
        return;
      }
      problem = error instanceof Refused ? error.message : "the connection was lost";
    }
    if (this.stopped) return;
    const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    const wait = most * (0.5 + Math.random() / 2); // many pages must not come back at the same instant
    this.failures += 1;
    this.handlers.waiting(wait, problem);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.run();
    }, wait);
  }

  async follow() {
    this.abort = new AbortController();
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => this.abort.abort(), SILENCE_MS);
    };
    alive();
    try {
      const answer = await fetch(this.path, {
        headers: { Accept: "text/event-stream" },
        credentials: "same-origin",
        cache: "no-store",
        signal: this.abort.signal,
      });
      if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => null));
      const cutter = new EventCutter((data) => this.handlers.event(JSON.parse(data)));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      this.handlers.opened();
      this.failures = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        this.handlers.heard();
        cutter.push(value);
      }
    } finally {
      clearTimeout(watchdog);
      this.abort.abort();
    }
  }
}
