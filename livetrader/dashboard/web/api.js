// Requests to the daemon. Addresses are relative, so the page works under a proxy's prefix. A session is a
// cookie that no script can read; what changes anything carries the session's CSRF token as well.

import { state } from "./store.js";

const TIMEOUT_MS = 10_000; // the daemon answers in milliseconds; more means that it cannot be reached
const TIMEOUT_TEXT = `no answer within ${TIMEOUT_MS / 1000} s`;

// An answer that is not what was asked for, in the daemon's own words.
export class Refused extends Error {
  constructor(status, body, retryAfterS) {
    super(body?.message ?? `The daemon answered ${status}.`);
    this.status = status;
    this.kind = body?.error ?? "";
    this.remedy = body?.remedy ?? "";
    this.body = body ?? {};
    this.retryAfterS = retryAfterS;
  }
}

let onSignedOut = () => {};

// `heard` is called when the daemon no longer knows the session.
export function whenSignedOut(heard) {
  onSignedOut = heard;
}

export async function get(path) {
  return ask("GET", path);
}

// Sends what changes something. `key` makes a repetition harmless: the daemon answers it with the first answer.
export async function post(path, body = {}, { key } = {}) {
  return ask("POST", path, body, key ? { "Idempotency-Key": key } : {});
}

export async function remove(path) {
  return ask("DELETE", path);
}

async function ask(method, path, body, more = {}) {
  const headers = { Accept: "application/json", ...more };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && state.session?.csrf) headers["X-CSRF-Token"] = state.session.csrf;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const why = error.name === "TimeoutError" ? TIMEOUT_TEXT : "it cannot be reached";
    throw new Refused(0, { error: "unreachable", message: `The daemon did not answer: ${why}.` });
  }
  const content = await read(answer);
  if (answer.ok) return content;
  const refused = new Refused(answer.status, content, Number(answer.headers.get("Retry-After")) || 0);
  if (answer.status === 401 && state.session) onSignedOut(refused);
  throw refused;
}

async function read(answer) {
  if (!(answer.headers.get("Content-Type") ?? "").startsWith("application/json")) return null;
  try {
    return await answer.json();
  } catch {
    return null; // cut off on its way; the status says what there is to say
  }
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
