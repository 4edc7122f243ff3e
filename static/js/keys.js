// Single keys in the queue and on a request. They can be switched off on the profile, and never act while somebody
// types, while a key is held down, or on a request that has only just come into sight.

import { current, go, rows } from "./around.js";
import { followTo } from "./sending.js";
import { decide, stepBack, tell as tellInBar } from "./verdicts.js";

// A menu that is open has the keys for itself. Browsers that know no popovers do not know the selector either.
const OPEN = CSS.supports("selector(:popover-open)") ? "dialog[open], :popover-open" : "dialog[open]";
const GLANCE = 500; // ms for which a request must have been in sight before a key decides on it

/** Every key: what it does, and whether it acts on the request that is open. */
const ACTS = {
  a: { act: () => decideBy("approve", "a"), onRequest: true },
  r: { act: () => decideBy("reject", "r"), onRequest: true },
  s: { act: () => decideBy("request_changes", "s"), onRequest: true },
  m: { act: () => reachIn("#comment-more form"), onRequest: true },
  u: { act: () => pressKeyed("u"), onRequest: true },
  z: { act: () => pressKeyed("z"), onRequest: true },
  c: { act: claim },
  e: { act: escalate },
  j: { act: () => go(1) },
  k: { act: () => go(-1) },
  x: { act: mark },
  "/": { act: search },
  "?": { act: openKeys },
  Escape: { act: stepBack, stays: true },
};

let shown = ""; // which proposal is in sight
let since = 0; // since when

export function startKeys() {
  if (!document.getElementById("queue-list") && !document.getElementById("decision")) return;
  look();
  document.addEventListener("assent:morphed", look);
  document.addEventListener("visibilitychange", () => !document.hidden && lookAgain());
  window.addEventListener("pageshow", (event) => event.persisted && lookAgain());
  if (document.documentElement.dataset.keys === "off") return;
  showButton();
  document.addEventListener("assent:listed", showButton);
  document.addEventListener("click", (event) => event.target.closest("#keys-open") && openKeys());
  document.addEventListener("keydown", press);
}

/** Note when another proposal has come into sight. */
function look() {
  const bar = document.getElementById("decision");
  const now = bar ? `${bar.dataset.request} ${bar.dataset.digest}` : "";
  if (now !== shown) lookAgain();
  shown = now;
}

function lookAgain() {
  since = performance.now();
}

function showButton() {
  const button = document.getElementById("keys-open");
  if (button) button.hidden = false;
}

function openKeys() {
  document.getElementById("keys")?.showModal();
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (document.querySelector(OPEN)) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape" && event.target.closest(".filters")) back(event);
    return;
  }
  const key = ACTS[event.key];
  if (!key) return;
  if (!key.stays) event.preventDefault();
  if (event.repeat) return;
  if (key.onRequest && !document.getElementById("decision")) return;
  if (key.onRequest && performance.now() - since < GLANCE) {
    tellInBar("This request has only just opened. Press the key again.");
    return;
  }
  key.act();
}

function isTyping(element) {
  return element.isContentEditable || element.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
}

function back(event) {
  event.preventDefault();
  (current() ?? rows()[0])?.querySelector(".t a")?.focus();
}

function decideBy(verdict, key) {
  if (decide(verdict, key)) return;
  const bar = document.getElementById("decision");
  const offered = document.querySelector("#decide [name=verdict]:not(:disabled)");
  // Why nothing can be decided is said on the page already.
  if (offered) tellInBar("That is not possible for this request.");
  else tell(document.getElementById("decide-said")?.textContent || bar.dataset.said);
}

/** Press the button that the page offers for a key, unfolding what it is in. */
function pressKeyed(key) {
  const button = document.querySelector(`[data-key="${key}"]`);
  if (!button) return;
  unfold(button);
  if (button.form?.querySelector("[required]:invalid")) reach(button.form);
  else button.click();
}

function mark() {
  const box = current()?.querySelector(".mark-box");
  if (!box) return;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  tell(box.checked ? "Selected." : "Deselected.");
}

async function claim() {
  const own = document.querySelector('form[action*="/claim"] button');
  const row = document.activeElement?.closest?.("#queue-rows .row");
  if (!row && own) {
    own.click();
    return;
  }
  const id = (row ?? current())?.id.slice("row-".length);
  if (!id) return;
  const token = document.querySelector('input[name="csrf_token"]')?.value ?? "";
  try {
    const answer = await fetch(`/api/v1/approvals/${id}/claim`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "X-CSRFToken": token, "Content-Type": "application/json" },
      body: "{}",
    });
    tell(answer.ok ? "Claimed." : ((await answer.json()).detail ?? "The request could not be claimed."));
  } catch {
    tell("The request could not be claimed: the portal cannot be reached.");
  }
}

function escalate() {
  const row = document.activeElement?.closest?.("#queue-rows .row");
  if (!row && reachIn('form[action*="/escalations"]')) return;
  const link = (row ?? current())?.querySelector(".t a");
  if (link) followTo(`${link.href}#escalate`);
}

function reachIn(selector) {
  const form = document.querySelector(selector);
  if (form) reach(form);
  return Boolean(form);
}

/** Open what a form is folded into, and go to its first field. */
export function reach(form) {
  unfold(form);
  form.querySelector("textarea, input:not([type=hidden]), select")?.focus();
}

function unfold(element) {
  for (let part = element.closest("details"); part; part = part.parentElement?.closest("details")) part.open = true;
}

function search() {
  const field = document.getElementById("q-text");
  if (!field?.checkVisibility()) return;
  field.focus();
  field.select();
}

/** Read out, and shown for a while. */
function tell(words) {
  const told = document.getElementById("queue-told");
  if (!told) return;
  told.textContent = words;
  told.classList.add("shown");
  setTimeout(() => told.textContent === words && told.classList.remove("shown"), 4000);
}
