// Single keys in the queue, alone or beside a request. They can be switched off on the profile, and never act while
// somebody types.

import { appendNext } from "./list.js";
import { following } from "./place.js";

export function startKeys() {
  const list = document.getElementById("queue-list");
  if (!list) return;
  if (document.documentElement.dataset.keys === "off") return;
  showButton();
  document.addEventListener("assent:listed", showButton);
  document.addEventListener("click", (event) => event.target.closest("#keys-open") && openKeys());
  document.addEventListener("keydown", press);
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
  if (document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape" && event.target.closest(".filters")) back(event);
    return;
  }
  const act = ACTS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

const ACTS = {
  j: () => move(1),
  k: () => move(-1),
  x: mark,
  c: claim,
  e: escalate,
  "/": search,
  "?": openKeys,
};

function isTyping(element) {
  return element.isContentEditable || element.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
}

function back(event) {
  event.preventDefault();
  (current() ?? rows()[0])?.querySelector(".t a")?.focus();
}

function rows() {
  return [...document.querySelectorAll("#queue-rows .row:not(.gone)")];
}

/** The row that has the focus, or whose request is open. */
function current() {
  const focused = document.activeElement?.closest?.("#queue-rows .row");
  return focused ?? document.querySelector("#queue-rows .row[data-selected]");
}

async function move(by) {
  const row = await beside(by);
  if (!row) return;
  const link = row.querySelector(".t a");
  row.scrollIntoView({ block: "nearest" });
  // Beside a request one goes through the queue request by request; in the queue itself the focus moves.
  const open = document.querySelector(".list.beside");
  if (open && open.checkVisibility()) link.click();
  else link.focus();
}

/** The row after or before the one somebody is at; at the end of what is loaded the next page is fetched first. */
async function beside(by) {
  const here = current();
  if (!here) return by > 0 ? (following() ?? rows()[0]) : rows().at(-1);
  // From one that has left as well: it stands where it stood.
  const all = [...document.querySelectorAll("#queue-rows .row")].filter((row) => row === here || !row.matches(".gone"));
  const at = all.indexOf(here) + by;
  if (at < all.length) return all[at];
  return (await appendNext()) ? rows()[rows().indexOf(here) + 1] : undefined;
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
  const form = document.querySelector('form[action*="/escalations"]');
  if (!row && form) {
    reach(form);
    return;
  }
  const link = (row ?? current())?.querySelector(".t a");
  if (link) location.assign(`${link.href}#escalate`);
}

/** Open what a form is folded into, and go to its first field. */
export function reach(form) {
  for (let part = form.closest("details"); part; part = part.parentElement?.closest("details")) part.open = true;
  form.querySelector("textarea, input:not([type=hidden]), select")?.focus();
}

function search() {
  const field = document.getElementById("q-text");
  field?.focus();
  field?.select();
}

/** Said to whoever listens, and shown for a while to whoever looks. */
function tell(words) {
  const told = document.getElementById("queue-told");
  if (!told) return;
  told.textContent = words;
  told.classList.add("shown");
  setTimeout(() => told.textContent === words && told.classList.remove("shown"), 4000);
}
