// Speaks with the API. The token lives in this module's memory alone: no storage, no cookie, no URL, so it ends with the page.

let token = null;
let onUnauthenticated = () => {};

/** An answer that is no success: the problem document of the API (RFC 9457). */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? `the server answered with status ${status}`);
    this.status = status;
    this.document = document;
  }

  /** What happened, and what to do. */
  get text() {
    return this.document.cure ? `${this.message}. ${this.document.cure}` : this.message;
  }
}

/** `lost` is called where the server does not know the token any more. */
export function logIn(its, lost) {
  token = its;
  onUnauthenticated = lost;
}

export function logOut() {
  token = null;
}

async function problemOf(response) {
  const text = await response.text();
  let document = {};
  try {
    document = JSON.parse(text);
  } catch {
    // Not of the API: of a proxy, perhaps.
  }
  return new Problem(response.status, document);
}

async function send(method, path, { body, signal, accept = [], headers = {} } = {}) {
  const response = await fetch(path, {
    method, signal, cache: "no-store", credentials: "omit", redirect: "error",
    headers: { ...headers, Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok || accept.includes(response.status)) return response;
  const problem = await problemOf(response);
  if (response.status === 401) onUnauthenticated(problem);
  throw problem;
}

/** JSON of an answer. `accept` lists statuses that have a document to show, too. */
export async function request(method, path, options) {
  return (await send(method, path, options)).json();
}

export async function requestBlob(method, path, options) {
  return (await send(method, path, options)).blob();
}

/** Calls `take` with each piece of a text that comes as it is made, until it ends. */
export async function followText(path, signal, take) {
  const response = await send("GET", path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(value);
  }
}

/** Server-sent events by fetch, as EventSource cannot carry a token (HTML Standard, 9.2.6, as far as the API uses it). */
export async function followEvents(path, signal, take) {
  let rest = "";
  await followText(path, signal, (piece) => {
    const frames = (rest + piece).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const field = (name) => frame.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) take(JSON.parse(data), field("id"));
    }
  });
}

/** Resolves when the page can be seen, or `signal` ends the wait. */
function seen(signal) {
  return new Promise((resolve) => {
    if (!document.hidden || signal.aborted) return resolve();
    const both = new AbortController();
    const done = () => { if (!document.hidden || signal.aborted) { both.abort(); resolve(); } };
    document.addEventListener("visibilitychange", done, { signal: both.signal });
    signal.addEventListener("abort", done, { signal: both.signal });
  });
}

/** Of one stream: ends with `signal`, and when the page is hidden, as a browser has six connections for all its pages of one host. */
function whileSeen(signal) {
  const controller = new AbortController();
  const end = () => controller.abort();
  signal.addEventListener("abort", end, { signal: controller.signal });
  document.addEventListener("visibilitychange", end, { signal: controller.signal });
  return controller;
}

/**
 * Calls `follow(signal)` again and again until `signal` ends it, or `isOver` says that there is no more: a stream ends with its
 * manager, too, which an upgrade replaces. What is in the way for a moment (a session that is not made yet) is tried again.
 */
export async function keepFollowing(follow, signal, isOver = () => false) {
  while (!signal.aborted) {
    await seen(signal);
    const stream = whileSeen(signal);
    try {
      await follow(stream.signal);
      if (isOver()) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status < 500 && ![409, 429].includes(error.status)) return;
    } finally {
      stream.abort();
    }
    await pause(1000, signal);
  }
}

/** Returns early where `signal` says so. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
