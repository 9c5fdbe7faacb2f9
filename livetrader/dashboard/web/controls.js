// What changes the account or the daemon: halt, resume, cancel, stop, liquidate. Each opens a dialog that says
// what will happen; stop and liquidate are pressed a second time, after the name of the account was typed.

import * as api from "./api.js";
import { h, patch } from "./dom.js";
import * as format from "./format.js";
import { badge, facts, notice } from "./parts.js";
import { change, may, redraw, state } from "./store.js";
import { daemonState } from "./words.js";

const LOOK_MS = 500; // between two looks at an operation that is under way
const LIQUIDATION = ["halting", "settling", "cancelling", "flattening", "verifying", "flat"];
// stages that are waits within another: [the stage, why]
const WITHIN = {
  waiting_for_open: ["flattening", "waiting for the market to open"],
  failed_retrying: ["flattening", "it failed and is tried again"],
};

let shown = null; // the dialog that is open: { kind, … }
let box = null; // its element
let opener = null; // what had the focus before

export const CONTROLS = {
  halt: {
    scope: "operate",
    title: "Halt trading",
    says: "New orders are refused from now on. Positions and working orders stay as they are.",
    press: "Halt",
    path: "v1/halt",
    done: "Trading is halted: new orders are refused.",
  },
  resume: {
    scope: "operate",
    title: "Resume trading",
    says: "Orders of the algorithm are allowed again.",
    press: "Resume",
    path: "v1/resume",
    done: "Orders are allowed again.",
  },
  cancel: {
    scope: "operate",
    title: "Cancel orders",
    press: "Cancel orders",
    path: "v1/cancel",
    danger: true,
    done: "The cancels were sent.",
  },
  stop: {
    scope: "operate",
    title: "Stop the daemon",
    says: "The daemon ends. What becomes of open positions is the setting daemon.on_shutdown; stopping alone does not sell anything. It has to be started again on its machine.",
    press: "Stop the daemon",
    path: "v1/stop",
    danger: true,
    typed: true,
    done: "The daemon is stopping.",
  },
  liquidate: {
    scope: "liquidate",
    title: "Liquidate the account",
    press: "Liquidate now",
    path: "v1/liquidate",
    danger: true,
    typed: true,
    confirmed: true, // the first press asks the daemon what it would do; the second one carries its id
  },
};

// Opens the dialog of a control. `given` goes into the request (an order to cancel, say).
export function openControl(kind, given = {}) {
  if (!may(CONTROLS[kind].scope)) return;
  shown = {
    kind, given, reason: "", typed: "", residue: false, busy: false, problem: null, asked: null, operation: null,
    key: api.newKey(), kill: latchedKill(),
  };
  open();
  if (CONTROLS[kind].confirmed) firstPress(shown);
}

// Opens a dialog that offers every control: where there is no room for the buttons.
export function openMenu() {
  shown = { kind: "menu" };
  open();
}

function open() {
  opener = document.activeElement;
  drawDialog();
  if (!box.open) box.showModal();
  redraw();
}

function close() {
  box?.close();
}

function closed() {
  shown = null;
  patch(document.getElementById("dialogs"));
  box = null;
  if (opener?.isConnected) opener.focus();
}

// -- the two presses

async function firstPress(dialog) {
  const { given } = dialog;
  try {
    await api.post(CONTROLS[dialog.kind].path, { ...given });
    dialog.problem = { message: "The daemon did not ask for a confirmation." };
  } catch (error) {
    if (dialog.given !== given) return; // it was asked anew meanwhile, for something else
    if (error.status === 409 && error.body?.confirm) {
      dialog.asked = { ...error.body, untilMs: performance.now() + error.body.expires_in_s * 1000 };
    } else dialog.problem = error;
  }
  redraw();
}

async function press(dialog) {
  const control = CONTROLS[dialog.kind];
  if (dialog.busy || !ready(dialog)) return;
  if (dialog.kind === "resume" && latchedKill() !== dialog.kill) {
    dialog.problem = { message: "What would be resumed has changed while this was open: read it again." };
    dialog.kill = latchedKill();
    dialog.residue = false;
    redraw();
    return;
  }
  dialog.busy = true;
  dialog.problem = null;
  redraw();
  const request = { ...dialog.given };
  if (dialog.reason.trim()) request.reason = dialog.reason.trim();
  if (dialog.asked) request.confirm = dialog.asked.confirm;
  if (dialog.kind === "resume" && state.status?.kill_switch.latched) {
    request.kill_id = dialog.kill;
    request.accept_residue = dialog.residue;
  }
  try {
    dialog.operation = await api.post(control.path, request, { key: dialog.key });
    alarm(control.done ?? `${control.title}: under way.`);
    follow(dialog);
  } catch (error) {
    dialog.problem = error;
    if (error.status !== 0) dialog.key = api.newKey(); // a lost answer: the same key gets it again
    if (error.kind === "unknown_confirmation") dialog.asked = null;
  }
  dialog.busy = false;
  redraw();
}

// The liquidation that a resume would end, null where there is none.
const latchedKill = () => (state.status?.kill_switch.latched ? state.status.kill_switch.kill_id : null);

function ready(dialog) {
  const control = CONTROLS[dialog.kind];
  if (control.typed && dialog.typed.trim() !== state.status?.account) return false;
  if (control.confirmed) return Boolean(dialog.asked) && performance.now() < dialog.asked.untilMs;
  return true;
}

// Looks after an operation until it has ended.
async function follow(dialog) {
  while (dialog.operation?.state === "running") {
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
    try {
      dialog.operation = await api.get(`v1/operations/${encodeURIComponent(dialog.operation.id)}`);
    } catch (error) {
      if (dialog.kind === "stop" && error.status === 0) {
        const message = "no answer any more: the daemon has ended, or the connection to it has";
        dialog.operation = { ...dialog.operation, state: "done", message };
      } else if (error.status !== 0 && error.status !== 429) {
        dialog.problem = error;
        break;
      }
    }
    redraw();
  }
  if (dialog.operation?.state !== "running") {
    alarm(`${CONTROLS[dialog.kind].title}: ${dialog.operation?.message ?? ""}`);
  }
  redraw();
}

function alarm(text) {
  document.getElementById("alarms").textContent = text;
}

// -- what the dialogs look like

// Draws the open dialog; the page calls it whenever it draws itself.
export function drawDialog() {
  if (!shown) return;
  patch(
    document.getElementById("dialogs"),
    h(
      "dialog",
      { key: "dialog", "aria-labelledby": "dialog-title", onclose: closed },
      shown.kind === "menu" ? menuView() : controlView(shown),
    ),
  );
  box = document.querySelector("#dialogs dialog");
}

function menuView() {
  const offered = available();
  return h(
    "div",
    { class: "sheet" },
    h("h2", { id: "dialog-title" }, "Controls"),
    offered.length ? null : h("p", { class: "quiet" }, "Your token may only look."),
    offered.map((kind) =>
      h(
        "button",
        { type: "button", class: `choice${CONTROLS[kind].danger ? " danger" : ""}`, onclick: () => openControl(kind) },
        h("strong", {}, CONTROLS[kind].title),
        h("small", {}, MENU[kind]),
      ),
    ),
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: close }, "Close")),
  );
}

const MENU = {
  halt: "Refuse new orders. Positions and working orders stay.",
  resume: "Allow orders again.",
  cancel: "Cancel every working order.",
  stop: "End the daemon.",
  liquidate: "Halt, cancel all orders, close all positions.",
};

// Returns the controls that make sense now and that this session may use, the least drastic first.
export function available() {
  const status = state.status;
  if (!status) return [];
  const resumable = status.halted || status.kill_switch.latched;
  return [resumable ? "resume" : "halt", "cancel", "stop", "liquidate"].filter((kind) => may(CONTROLS[kind].scope));
}

function controlView(dialog) {
  const control = CONTROLS[dialog.kind];
  if (dialog.operation) return outcomeView(dialog, control);
  const account = state.status?.account ?? "";
  const unasked = control.confirmed && !dialog.asked && dialog.problem; // the question or its answer got lost
  const lapsed = unasked || (dialog.asked && performance.now() >= dialog.asked.untilMs);
  return h(
    "form",
    {
      method: "dialog",
      onsubmit: (event) => {
        event.preventDefault();
        press(dialog);
      },
    },
    h("h2", { id: "dialog-title" }, dialog.kind === "cancel" && dialog.given.order ? "Cancel one order" : control.title),
    explanation(dialog, control),
    dialog.problem
      ? h("div", { role: "alert" }, notice("bad", h("p", {}, dialog.problem.message), dialog.problem.remedy ? h("p", {}, dialog.problem.remedy) : null))
      : null,
    dialog.kind === "resume" && state.status?.kill_switch.latched ? residue(dialog) : null,
    dialog.kind === "liquidate" && state.status?.foreign_orders.length ? foreign(dialog) : null,
    h(
      "label",
      {},
      h("span", {}, "Reason, for the audit trail (optional)"),
      h("input", { type: "text", maxlength: "200", autocomplete: "off", value: dialog.reason, oninput: (event) => typed(dialog, "reason", event) }),
    ),
    control.typed
      ? h(
          "label",
          {},
          h("span", {}, "Type the name of the account, ", h("strong", {}, account), ", to confirm"),
          h("input", {
            type: "text", name: "typed", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
            value: dialog.typed, oninput: (event) => typed(dialog, "typed", event),
          }),
        )
      : null,
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", onclick: close }, "Back"),
      lapsed
        ? h("button", { type: "button", key: "again", onclick: () => askAgain(dialog) }, "Ask again")
        : h(
            "button",
            { type: "submit", key: "press", class: `main${control.danger ? " danger" : ""}`, disabled: dialog.busy || !ready(dialog) },
            dialog.busy ? "Sending …" : control.press,
          ),
    ),
  );
}

function explanation(dialog, control) {
  if (control.confirmed) {
    if (!dialog.asked) return dialog.problem ? null : h("p", { class: "quiet" }, "Asking the daemon what this would do …");
    const left = Math.max(0, (dialog.asked.untilMs - performance.now()) / 1000);
    return [
      h("p", {}, dialog.asked.message),
      h("p", { class: "quiet" }, left > 0 ? `This offer holds for ${Math.ceil(left)} s.` : "This offer has lapsed."),
    ];
  }
  if (dialog.kind === "cancel") {
    const count = state.status?.open_orders ?? 0;
    const words = dialog.given.order
      ? `The order ${dialog.given.order} is cancelled.`
      : `This cancels ${format.plural(count, "working order")} of the account. Positions stay.`;
    return h("p", {}, words);
  }
  const kill = state.status?.kill_switch;
  if (dialog.kind === "resume" && kill?.latched) {
    return [
      h("p", {}, "The account was liquidated. Resuming lets the algorithm trade again."),
      facts([
        ["Liquidated by", kill.source],
        ["Reason", kill.reason],
        ["At", format.moment(kill.since_ns)],
        ["State", format.words(kill.state)],
        ["Kill id", h("code", {}, kill.kill_id)],
      ]),
    ];
  }
  return h("p", {}, control.says);
}

function residue(dialog) {
  return h(
    "label",
    { class: "check" },
    h("input", { type: "checkbox", checked: dialog.residue, onchange: (event) => typed(dialog, "residue", { target: { value: event.target.checked } }) }),
    h("span", {}, "Resume even though something could not be closed"),
  );
}

function foreign(dialog) {
  const change = (event) => {
    dialog.given = { ...dialog.given, include_foreign: event.target.checked };
    dialog.asked = dialog.problem = null;
    redraw();
    firstPress(dialog);
  };
  return h(
    "label",
    { class: "check" },
    h("input", { type: "checkbox", checked: Boolean(dialog.given.include_foreign), onchange: change }),
    h("span", {}, "Cancel working orders that are not ours, too"),
  );
}

function askAgain(dialog) {
  dialog.asked = dialog.problem = null;
  dialog.key = api.newKey();
  redraw();
  firstPress(dialog);
}

function typed(dialog, name, event) {
  change(() => {
    dialog[name] = event.target.value;
  });
}

function outcomeView(dialog, control) {
  const { state: stage, message } = dialog.operation;
  const kind = { done: "good", failed: "bad" }[stage] ?? "info";
  return h(
    "div",
    { class: "sheet" },
    h("h2", { id: "dialog-title" }, control.title),
    h("p", { role: "status" }, badge({ done: "Done", failed: "Failed" }[stage] ?? "Under way", kind), " ", stage === "running" ? "" : message),
    dialog.kind === "liquidate" ? progress(stage) : null,
    state.status && stage !== "running" && dialog.kind !== "stop"
      ? facts([
          ["Daemon", badge(...daemonState(state.status.state))],
          ["Working orders", format.whole(state.status.open_orders)],
          ["Positions", format.whole(state.portfolio?.holdings.length ?? 0)],
        ])
      : null,
    dialog.problem ? notice("bad", h("p", {}, dialog.problem.message)) : null,
    h("div", { class: "buttons" }, h("button", { type: "button", class: stage === "running" ? "" : "main", onclick: close }, "Close")),
  );
}

function progress(stage) {
  const now = stage === "done" ? "flat" : state.status?.kill_switch.state;
  const at = LIQUIDATION.indexOf(WITHIN[now]?.[0] ?? now);
  const names = ["Halt", "Settle what is in flight", "Cancel orders", "Close positions", "Verify with the brokerage", "Flat"];
  return h(
    "ol",
    { class: "progress" },
    names.map((name, n) => {
      const kind = stage === "done" || (at >= 0 && n < at) ? "done" : n === at ? "now" : "";
      const why = kind === "now" && WITHIN[now] ? `: ${WITHIN[now][1]}` : "";
      return h("li", { class: kind, "aria-current": kind === "now" ? "step" : null }, name, why);
    }),
  );
}
