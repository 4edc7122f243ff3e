// Going from request to request, in the order of the list that stands beside them or, on a phone, is not shown.

import { appendNext, idOf, openRequest, rows as everyRow } from "./list.js";
import { following } from "./place.js";

const DECIDED = "assent-decided";
const MOST = 200; // ids kept in this tab

export function startAround() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-step]");
    if (button) go(Number(button.dataset.step));
  });
  for (const name of ["assent:listed", "assent:morphed"]) document.addEventListener(name, showSteps);
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (event.target.id === "decide") nameNext(event);
    const undone = /\/requests\/([^/]+)\/withdrawal/.exec(event.target.action)?.[1];
    if (undone) forget(undone);
  });
  showSteps();
}

export function rows() {
  return everyRow().filter((row) => !row.matches(".gone"));
}

/** The row that has the focus, or whose request is open. */
export function current() {
  const focused = document.activeElement?.closest?.("#queue-rows .row");
  return focused ?? document.querySelector("#queue-rows .row[data-selected]");
}

/** Beside a request one goes through the queue request by request; in the queue itself the focus moves. */
export async function go(by) {
  const row = await beside(by);
  if (!row) return false;
  const link = row.querySelector(".t a");
  row.scrollIntoView({ block: "nearest" });
  if (openRequest()) link.click();
  else link.focus();
  return true;
}

/** The row after or before the one somebody is at; at the end of what is loaded the next page is fetched first. */
async function beside(by) {
  const here = current();
  if (!here) return by > 0 ? (following() ?? rows()[0]) : rows().at(-1);
  // From one that has left as well: it stands where it stood.
  const all = everyRow().filter((row) => row === here || !row.matches(".gone"));
  const at = all.indexOf(here) + by;
  if (at < all.length) return all[at];
  return (await appendNext()) ? rows()[rows().indexOf(here) + 1] : undefined;
}

/** The buttons of the bar for going on and back, where there is somewhere to go. */
function showSteps() {
  const steps = document.getElementById("request-steps");
  if (!steps) return;
  const all = rows();
  const at = all.findIndex((row) => row.matches("[data-selected]"));
  steps.hidden = !all.length || (all.length === 1 && at === 0);
  for (const button of steps.querySelectorAll("[data-step]")) {
    const to = at + Number(button.dataset.step);
    button.disabled = at >= 0 && (to < 0 || (to >= all.length && !document.getElementById("queue-next")));
  }
}

/** Tell the server which request to open after this one, where the person wants that. */
function nameNext(event) {
  const field = event.target.elements.namedItem("next");
  if (!field) return;
  const wanted = document.documentElement.dataset.next ?? "beside";
  const list = document.querySelector(".list.beside");
  const opens = event.submitter?.name === "verdict" && (wanted === "always" || (wanted === "beside" && list?.checkVisibility()));
  field.value = opens ? nextId() : "";
  remember(openRequest());
}

/** The next request in the order of the list that waits for this person; after the last one, the first. Not one that is
 * decided and only waits for the end of its grace period. */
function nextId() {
  const done = new Set([...decided(), openRequest()]);
  const all = everyRow();
  const here = all.indexOf(document.querySelector("#queue-rows .row[data-selected]"));
  const order = [...all.slice(here + 1), ...all.slice(0, Math.max(here, 0))];
  const row = order.find((other) => !other.matches(".gone, [data-decided]") && !done.has(idOf(other)));
  return row ? idOf(row) : "";
}

/** What this person has decided in this tab: it may wait for others, or for its grace period to end. */
function decided() {
  try {
    return JSON.parse(sessionStorage.getItem(DECIDED) ?? "[]");
  } catch {
    return [];
  }
}

function forget(id) {
  keep(decided().filter((other) => other !== id));
}

function remember(id) {
  forget(id);
  keep([...decided(), id].slice(-MOST));
}

function keep(ids) {
  try {
    sessionStorage.setItem(DECIDED, JSON.stringify(ids));
  } catch {
    // A browser that keeps nothing: the next request may be one that waits for others.
  }
}
