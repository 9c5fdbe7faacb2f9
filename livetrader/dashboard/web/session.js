// Signing in and out. The cookie is the daemon's and no script reads it. The CSRF token is kept in this
// origin's storage: cookies do not tell the ports of a host apart, storage does.

import * as api from "./api.js";
import { change, forget, state } from "./store.js";
import { h } from "./dom.js";
import { notice } from "./parts.js";

const KEPT = "livetrader.csrf";
const door = { token: "", problem: null, busy: false };

// Takes up the session of before, where there is one. Returns whether somebody is signed in.
export async function takeUp() {
  const csrf = localStorage.getItem(KEPT);
  if (!csrf) return false;
  try {
    const known = await api.get("v1/session");
    change(() => {
      state.session = { ...known, csrf };
    });
    return true;
  } catch (error) {
    if (error.status === 401) localStorage.removeItem(KEPT);
    else door.problem = error;
    return false;
  }
}

export async function signIn(token) {
  const known = await api.post("v1/session", { token });
  localStorage.setItem(KEPT, known.csrf);
  change(() => {
    forget();
    state.session = known;
    state.signedOut = "";
  });
}

export async function signOut() {
  try {
    await api.remove("v1/session");
  } finally {
    ended("");
  }
}

// Takes note that there is no session any more, and why.
export function ended(why) {
  localStorage.removeItem(KEPT);
  change(() => {
    forget();
    state.session = null;
    state.signedOut = why;
  });
}

export function doorView(mark, opened) {
  const submit = async (event) => {
    event.preventDefault();
    if (door.busy) return;
    const field = event.target.elements.token;
    change(() => {
      door.busy = true;
      door.problem = null;
    });
    try {
      await signIn(field.value.trim());
      field.value = "";
      opened();
    } catch (error) {
      change(() => {
        door.problem = error;
      });
      field.select();
    } finally {
      change(() => {
        door.busy = false;
      });
    }
  };
  return h(
    "main",
    { class: "door", id: "main", key: "door" },
    h(
      "form",
      { onsubmit: submit, "aria-labelledby": "door-title" },
      h("div", { class: "brand" }, mark, h("span", {}, "livetrader")),
      h("h1", { id: "door-title" }, "Sign in"),
      state.signedOut ? notice("warn", h("p", {}, state.signedOut)) : null,
      door.problem
        ? h("div", { role: "alert" }, notice("bad", h("p", {}, said(door.problem))))
        : null,
      h("input", { type: "text", name: "username", value: "livetrader", autocomplete: "username", hidden: true, readonly: true }),
      h(
        "label",
        {},
        h("span", {}, "Token"),
        h("input", {
          type: "password",
          name: "token",
          required: true,
          autocomplete: "current-password",
          autocapitalize: "off",
          spellcheck: "false",
          placeholder: "lt_…",
        }),
      ),
      h("button", { class: "main", type: "submit", disabled: door.busy }, door.busy ? "Signing in …" : "Sign in"),
      h(
        "p",
        { class: "help" },
        "A token is made on the daemon's machine: ",
        h("code", {}, "livetrader token create NAME --role view"),
        ", or ",
        h("code", {}, "control"),
        " for one that may halt and liquidate.",
      ),
    ),
  );
}

function said(error) {
  if (error.status === 401) return "This token is not known here, or it has expired.";
  if (error.status === 429) return `Too many attempts. Try again in ${error.retryAfterS} s.`;
  return error.message;
}
