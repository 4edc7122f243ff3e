// Without a connection, what is sent waits: the page stays as it is, the button says so, and it is sent once when the
// connection is back, unless the person cancels it. A decision waits only for as long as the person can be thought to
// stand by what they saw: for two minutes, on a page that stays in sight.

import { isDoubtful } from "./connection.js";

const PATIENCE = 4000; // ms for which the portal may take to answer that it is there
const AGAIN = 2000; // ms between two tries
const DECISION_WAITS = 120_000; // ms
const WAITS = "Offline: will be sent when you reconnect";
const STAYS = "Offline: this page stays open until the connection is back.";
const NOT_SENT = "Not sent: press again";

const underWay = new Map(); // form -> "asking", "waiting", "going", or "gone"
const labels = new WeakMap(); // button -> its words, while it says that nothing was sent
let waiting = null; // what waits: its form, its button, and how to stop
let lastHidden = -Infinity; // when the page was last out of sight

export function startSending() {
  window.addEventListener("submit", (event) => relabel(event.submitter), { capture: true });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden") return;
    lastHidden = Date.now();
    waiting?.giveUpIfStale();
  });
  // Before anything else hears of it, and after what is no sending at all.
  document.addEventListener("submit", send, { capture: true });
  document.addEventListener("click", follow, { capture: true });
  for (const name of ["input", "change"]) {
    // What is sent is what stood there when the button was pressed.
    document.addEventListener(name, (event) => event.isTrusted && event.target.form === waiting?.form && cancel());
  }
  for (const name of ["online", "assent:connected"]) window.addEventListener(name, () => waiting?.tryNow());
  window.addEventListener("assent:connected", () => {
    if (document.getElementById("offline")?.textContent === STAYS) say("");
  });
  window.addEventListener("pageshow", () => underWay.clear());
}

/** True if the form is sent now, after all questions. */
export function isGoing(form) {
  return underWay.get(form) === "going";
}

async function send(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog" || (form.method === "get" && !isDoubtful())) return;
  if (isGoing(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  // A second click on a slow line sends nothing; the server counts a decision once in any case.
  if (underWay.has(form)) return;
  underWay.set(form, "asking");
  const pressed = Date.now();
  const there = await isThere();
  if (isStale(event.submitter, pressed)) notSent(form, event.submitter);
  else if (there) go(form, event.submitter);
  else wait(form, event.submitter, pressed);
}

/** True for a decision that was pressed too long ago, or on a page that was out of sight since. */
function isStale(submitter, pressed) {
  if (submitter?.name !== "verdict" && !submitter?.form?.hasAttribute("data-decision")) return false;
  return lastHidden >= pressed || Date.now() - pressed > DECISION_WAITS;
}

function notSent(form, button) {
  underWay.delete(form);
  labels.set(button, button.textContent);
  button.textContent = NOT_SENT;
  say("Your decision was not sent. Look at the page again before you press the button again.");
}

function relabel(button) {
  if (!labels.has(button)) return;
  if (button.textContent === NOT_SENT) button.textContent = labels.get(button);
  labels.delete(button);
  say("");
}

/** Send the form as the browser does. */
function go(form, submitter) {
  underWay.set(form, "going");
  let stopped = true;
  const hear = (event) => {
    stopped = event.defaultPrevented;
  };
  window.addEventListener("submit", hear, { once: true });
  const usable = submitter?.isConnected && !submitter.disabled && submitter.form === form;
  if (usable || !submitter) form.requestSubmit(submitter);
  window.removeEventListener("submit", hear);
  // Something else takes care of it, or a field is not valid: it can be sent again.
  if (stopped) underWay.delete(form);
  else underWay.set(form, "gone");
}

/** A link that leads nowhere now would replace the page by the browser's own words. */
async function follow(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || !isDoubtful() || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey) return;
  if (event.shiftKey || event.altKey || link.target || link.download || link.origin !== location.origin) return;
  if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  followTo(link.href);
}

/** Open an address if the portal can be reached; otherwise the page stays. */
export async function followTo(address) {
  if (!isDoubtful() || (await isThere())) location.assign(address);
  else sayOffline();
}

/** Say why the page has stayed. What waits to be sent says so already, and that it is kept. */
export function sayOffline() {
  if (!waiting) say(STAYS);
}

/** Ask the portal whether it can be reached. */
export async function isThere() {
  if (!navigator.onLine) return false;
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return answer.status < 500;
  } catch {
    return false;
  }
}

function wait(form, submitter, pressed) {
  cancel();
  underWay.set(form, "waiting");
  const button = submitter ?? form.querySelector("button:not([type=button])");
  const words = button?.textContent;
  const stop = Object.assign(document.createElement("button"), { type: "button", className: "btn slim", textContent: "Cancel" });
  stop.dataset.stopsWaiting = "";
  stop.addEventListener("click", () => {
    cancel();
    button?.focus();
  });
  if (button) {
    button.dataset.waits = "";
    button.textContent = WAITS;
    button.setAttribute("aria-disabled", "true");
    button.after(stop);
  }
  say(`${WAITS}. Your text is kept here, and sent once.`);
  let timer = 0;
  const tryNow = async () => {
    clearTimeout(timer);
    const there = await isThere();
    if (waiting?.form !== form || giveUpIfStale()) return;
    clearTimeout(timer);
    if (!there) {
      timer = setTimeout(tryNow, AGAIN);
      return;
    }
    end();
    go(form, submitter);
  };
  const end = () => {
    clearTimeout(timer);
    waiting = null;
    stop.remove();
    if (button) {
      delete button.dataset.waits;
      button.removeAttribute("aria-disabled");
      button.textContent = words;
    }
    say("");
  };
  const giveUpIfStale = () => {
    if (!isStale(submitter, pressed)) return false;
    end();
    notSent(form, submitter);
    return true;
  };
  waiting = { form, end, tryNow, giveUpIfStale };
  timer = setTimeout(tryNow, AGAIN);
}

function cancel() {
  if (!waiting) return;
  underWay.delete(waiting.form);
  waiting.end();
}

/** Beside what the page says about its connection. */
function say(words) {
  const place = document.getElementById("connection") ?? document.getElementById("main");
  let said = document.getElementById("offline");
  if (!said) {
    said = document.createElement("p");
    said.id = "offline";
    said.className = "connection";
    said.setAttribute("role", "status");
    place.after(said);
  }
  said.textContent = words;
}
