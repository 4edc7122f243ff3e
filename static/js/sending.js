// What is sent waits for the connection where there is none: the page stays as it is, the button says so, and it is sent
// once when the connection is back, unless the person cancels it.

import { isDoubtful } from "./connection.js";

const PATIENCE = 4000; // ms for which the portal may take to answer that it is there
const AGAIN = 2000; // ms between two tries
const WAITS = "Offline: waits for the connection";

const underWay = new Map(); // form -> "asking", "waiting", "going", or "gone"
let waiting = null; // what waits: its form, its button, and how to stop

export function startSending() {
  // Before anything else hears of it, and after what is no sending at all.
  document.addEventListener("submit", send, { capture: true });
  document.addEventListener("click", follow, { capture: true });
  for (const name of ["input", "change"]) {
    // What is sent is what stood there when the button was pressed.
    document.addEventListener(name, (event) => event.isTrusted && event.target.form === waiting?.form && cancel());
  }
  for (const name of ["online", "assent:connected"]) window.addEventListener(name, () => waiting?.tryNow());
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
  if (await isThere()) go(form, event.submitter);
  else wait(form, event.submitter);
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
  if (await isThere()) location.assign(link.href);
  else say("Offline: this page stays open until the connection is back.");
}

/** Ask the portal whether it can be reached. */
async function isThere() {
  if (!navigator.onLine) return false;
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return answer.status < 500;
  } catch {
    return false;
  }
}

function wait(form, submitter) {
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
    if (waiting?.form !== form) return;
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
  waiting = { form, end, tryNow };
  timer = setTimeout(tryNow, AGAIN);
}

function cancel() {
  if (!waiting) return;
  underWay.delete(waiting.form);
  waiting.end();
}

/** Beside what the page says of its connection. */
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
