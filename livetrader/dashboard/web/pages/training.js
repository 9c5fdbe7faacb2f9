// Training: what runs, what it costs, which model trades.

import * as api from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { badge, body, empty, facts, notice, panel, table, time, title } from "../parts.js";
import { change, choice, choose, may } from "../store.js";

export const NAME = "training";
export const TITLE = "Training and models";

const STATES = { pending: "info", deferred: "warn", running: "info", ready: "good", failed: "bad", expired: "bad", cancelled: "" };
const OVER = new Set(["ready", "failed", "expired", "cancelled"]);

export function count(state) {
  return state.training?.is_training ? { text: "running", words: "a training is running" } : null;
}

export function view(state) {
  const { training } = state;
  const { problem } = choice(NAME, { problem: "" });
  if (!training) return [title(TITLE), panel("Jobs", {}, empty("Waiting for the daemon …"))];
  return [
    title(TITLE, training.ready ? "Ready" : "Not ready yet"),
    training.last_error ? notice("bad", h("strong", {}, "The last training failed."), h("p", {}, training.last_error)) : null,
    problem ? h("div", { role: "alert" }, notice("bad", problem)) : null,
    h("div", { class: "halves", key: "halves" }, modelPanel(training.model, state), bucketPanel(training, state)),
    jobsPanel(training),
  ];
}

function modelPanel(model, state) {
  return panel(
    "Model",
    {},
    body(
      facts([
        ["State", model.problem ? badge("Not usable", "bad") : model.made_ns ? badge("In use", "good") : badge("None", "")],
        ["Why", model.problem ? h("span", { class: "loss" }, model.problem) : null],
        ["Made (session time)", model.made_ns ? time(model.made_ns) : format.NONE],
        ["Age", model.age_s === null ? format.NONE : format.duration(model.age_s)],
        ["No new risk without one", model.required ? "Yes, says the algorithm" : "No"],
        ...Object.entries(state.status.models ?? {}).map(([name, words]) => [name, String(words)]),
      ]),
    ),
  );
}

function bucketPanel(training, state) {
  return panel(
    "Training minutes",
    { aside: "the leaky bucket that pays" },
    body(
      meter("This account", training.bucket_level_minutes, training.bucket_capacity_minutes),
      facts([
        ["Used", `${format.money(training.bucket_used_minutes)} min`],
        ["Refill", training.refill_minutes ? `${format.money(training.refill_minutes, { digits: 1 })} min` : null],
        ["Next refill", training.next_refill_ns ? `in ${format.duration((training.next_refill_ns - state.status.wall_ns) / 1e9)}` : format.NONE],
        ["Missed trainings", training.missed_policy],
      ]),
      training.host ? [h("hr", {}), meter("This machine", training.host.left_minutes, training.host.capacity_minutes), training.host.problem ? h("p", { class: "loss" }, training.host.problem) : null] : null,
      training.deferred.map((job) => notice("warn", h("p", {}, `${job.name || `Job ${job.job}`} waits: ${job.reason}`))),
    ),
  );
}

function meter(name, left, capacity) {
  const share = capacity ? Math.min(1, Math.max(0, left / capacity)) : 0;
  const words = `${format.money(left, { digits: 1 })} of ${format.money(capacity, { digits: 0 })} min left`;
  return [
    h("div", { class: "facts" }, h("div", {}, h("span", { class: "quiet" }, name), h("span", {}, words))),
    h(
      "div",
      { class: "meter", role: "meter", "aria-label": `${name}: training minutes`, "aria-valuemin": "0", "aria-valuemax": String(capacity), "aria-valuenow": left.toFixed(1), "aria-valuetext": words },
      h("div", { style: { width: `${share * 100}%` } }),
    ),
  ];
}

function jobsPanel(training) {
  const jobs = [...training.jobs].reverse();
  return panel(
    "Jobs",
    { aside: format.plural(jobs.length, "job of this engine", "jobs of this engine") },
    jobs.length ? table({ caption: "Training jobs, newest first", rows: jobs, key: (job) => String(job.job), columns }) : empty("The algorithm has not asked for a training."),
  );
}

const columns = [
  { name: "Job", lead: true, cell: (job) => [h("strong", {}, job.name || "training"), h("span", { class: "quiet" }, ` ${job.job}`)] },
  { name: "State", cell: (job) => badge(format.words(job.state), STATES[job.state]) },
  { name: "Since", cell: (job) => time(job.since_ns) },
  { name: "Progress", num: true, cell: (job) => (job.progress === null ? format.NONE : format.percent(job.progress, { digits: 0 })) },
  { name: "Minutes", num: true, cell: (job) => format.money(job.minutes_used) },
  { name: "Mode", cell: (job) => format.words(job.mode) },
  { name: "Schedule", optional: true, cell: (job) => job.schedule },
  { name: "Says", wide: true, optional: true, cell: (job) => [job.text, job.message].filter(Boolean).join(", ") },
  { name: "", optional: true, cell: (job) => (OVER.has(job.state) || !may("operate") ? null : h("button", { type: "button", class: "small danger", onclick: () => cancel(job) }, "Cancel", h("span", { class: "unseen" }, ` job ${job.job}`))) },
];

async function cancel(job) {
  try {
    await api.post(`v1/training/${job.job}/cancel`, {}, { key: api.newKey() });
    choose(NAME, { problem: "" });
  } catch (error) {
    change(() => choose(NAME, { problem: error.message }));
  }
}
