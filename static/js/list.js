// The queue, kept true over any number of loaded pages without moving a row under the pointer: rows change in place,
// what is new among those that are loaded is announced on a button, and rows that have left stay where they are, marked,
// while somebody points at the list. The newest page one says nothing about further pages, so whatever an event names
// is asked for by name.

import { morph } from "./morph.js";
import { localise } from "./times.js";

const AT_ONCE = 50; // rows asked for by name in one go
const SLICE = 80; // ms of work before the browser may do something else
const SOON = 200; // ms; gathers what happens to several rows

let whole = null; // the newest list of groups that has not been shown yet
let watcher = null;
const waiting = new Map(); // id -> row that is new, or stands elsewhere now, and is not shown there yet
const touched = new Set(); // ids of requests that something has happened to
let timer = 0;

export function startList() {
  if (!document.getElementById("queue-list")) return;
  document.addEventListener("assent:request", ({ detail }) => touch([detail]));
  document.addEventListener("assent:missed", () => touch(rows().map((row) => idOf(row))));
  document.addEventListener("assent:morphed", watchEnd);
  document.addEventListener("assent:listed", watchEnd);
  document.addEventListener("pointerout", sweepSoon);
  document.addEventListener("focusout", sweepSoon);
  watchEnd();
}

/** Fetch a page of the list and parse it; null if that did not work. `act`: somebody asked for it just now. */
export async function fetched(address, signal, act = false) {
  const headers = { "X-Fragment": "1", ...(act && { "X-Activity": "1" }) };
  try {
    const answer = await fetch(address, { headers, credentials: "same-origin", signal });
    if (!answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    localise(page);
    return page;
  } catch {
    return null;
  }
}

/** Show that the list waits for an answer, or that it does so no more. */
export function busy(list, waits) {
  list.setAttribute("aria-busy", String(waits));
  list.querySelector("header").toggleAttribute("data-busy", waits);
}

export async function mergeList(list, fresh) {
  asBeside(list, fresh);
  const shown = list.querySelector("#queue-rows");
  const freshRows = fresh.querySelector("#queue-rows");
  await morph(list.querySelector("#queue-count"), fresh.querySelector("#queue-count"));
  const [chips, freshChips] = [list.querySelector(".chips"), fresh.querySelector(".chips")];
  if (chips && freshChips) await morph(chips, freshChips);
  await showOwn(list, fresh);
  if (list.dataset.liveMode === "offer") {
    whole = shown.isEqualNode(freshRows) ? null : fresh;
    offer(list);
    return;
  }
  const after = new Map([...freshRows.querySelectorAll(".row")].map((row) => [idOf(row), row]));
  if (!shown.querySelector(".row") || !after.size) {
    await showAll(list, fresh);
    return;
  }
  const more = fresh.querySelector("#queue-next") !== null;
  const end = [...after.values()].at(-1);
  for (const row of rows()) {
    // A page that has a next one says nothing about what ranks after its last row.
    if (!after.has(idOf(row)) && !(more && isAfter(row, end))) leave(idOf(row));
  }
  for (const row of after.values()) await arrive(list, document.importNode(row, true));
  settle(list);
}

/** How much waits for the person, and how long that takes. */
async function showOwn(list, fresh) {
  const [own, freshOwn] = [list.querySelector("#queue-own"), fresh.querySelector("#queue-own")];
  if (own && freshOwn) await morph(own, freshOwn);
}

/** True if the one ranks after the other. */
function isAfter(row, other) {
  return row.dataset.rank > other.dataset.rank;
}

/** A row as it is now: shown where it stands, put at the end, or kept until somebody wants to see what is new. */
async function arrive(list, row) {
  const id = idOf(row);
  const shown = document.getElementById(row.id);
  if (shown && !shown.classList.contains("gone")) {
    if (isInPlace(shown, row)) waiting.delete(id);
    else waiting.set(id, row.cloneNode(true));
    row.dataset.rank = shown.dataset.rank; // of its place, until it is moved
    await morph(shown, row);
    return;
  }
  shown?.remove();
  const last = rows().at(-1);
  if (!last) return; // the first of a list comes with the page
  if (!isAfter(row, last)) waiting.set(id, row);
  else if (!list.querySelector("#queue-next")) last.after(row);
}

function isInPlace(shown, row) {
  const [above, below] = [neighbour(shown, "previousElementSibling"), neighbour(shown, "nextElementSibling")];
  return !(above && isAfter(above, row)) && !(below && isAfter(row, below));
}

/** The row before or after one, which may stand in another part of the list. */
export function neighbour(row, way) {
  if (row[way]) return row[way];
  let part = row.parentElement[way];
  while (part && !part.children.length) part = part[way];
  return way === "nextElementSibling" ? part?.firstElementChild : part?.lastElementChild;
}

function leave(id) {
  waiting.delete(id);
  const row = document.getElementById(`row-${id}`);
  if (!row || row.classList.contains("gone")) return;
  row.classList.add("gone");
  row.querySelector(".mark-box")?.remove();
  const left = row.querySelector(".left");
  if (left) left.textContent = "no longer waits";
}

function settle(list) {
  sweep();
  offer(list);
  document.dispatchEvent(new Event("assent:listed"));
}

function sweepSoon(event) {
  if (event.target.closest?.("#queue-rows")) setTimeout(sweep);
}

/** Take out what has left, unless somebody points at the list; the one that is open keeps its place. */
function sweep() {
  const shown = document.getElementById("queue-rows");
  if (!shown || shown.matches(":hover") || shown.contains(document.activeElement)) return;
  for (const row of shown.querySelectorAll(".row.gone:not([data-selected])")) row.remove();
}

function offer(list) {
  const button = list.querySelector("#queue-fresh");
  const fresh = [...waiting.keys()].filter((id) => !document.getElementById(`row-${id}`)).length;
  button.hidden = !waiting.size && !whole;
  button.textContent = fresh ? `${fresh} new ${fresh === 1 ? "request" : "requests"}` : "Show new order";
  button.onclick = async () => {
    if (whole) await showAll(list, whole);
    else showWaiting(list);
  };
}

/** Put what is new where it ranks; what was loaded stays. */
function showWaiting(list) {
  const fresh = [...waiting.values()];
  waiting.clear();
  for (const row of fresh) {
    const shown = document.getElementById(row.id);
    if (shown?.dataset.selected !== undefined) row.dataset.selected = "";
    shown?.remove();
  }
  for (const row of fresh) {
    const below = rows().find((other) => isAfter(other, row));
    if (below) below.before(row);
    else document.querySelector("#queue-rows > :last-child").append(row);
  }
  settle(list);
  const first = fresh.reduce((one, other) => (isAfter(one, other) ? other : one));
  first.scrollIntoView({ block: "nearest" });
  first.querySelector(".t a").focus();
}

/** Show the list as it was fetched. */
export async function showAll(list, fresh) {
  whole = null;
  waiting.clear();
  touched.clear();
  await morph(list, fresh);
  document.dispatchEvent(new Event("assent:listed"));
}

/** Take out all pages but the first, last one first; thousands of rows take the browser a second, so in slices. */
export async function shorten(list) {
  let began = performance.now();
  for (const part of [...list.querySelectorAll("#queue-rows > .part ~ .part")].reverse()) {
    part.remove();
    if (performance.now() - began < SLICE) continue;
    await new Promise((done) => setTimeout(done));
    began = performance.now();
  }
}

/** Beside a request the list is no page of its own: what was fetched as one is made fit to stand there. */
export function asBeside(list, fresh) {
  const heading = fresh.querySelector("h1#queue-count");
  if (!list.classList.contains("beside") || !heading) return;
  fresh.classList.add("beside");
  fresh.querySelector("#keys")?.remove(); // the page has it, wherever the list is not shown
  const lower = fresh.ownerDocument.createElement("h2");
  lower.id = heading.id;
  lower.textContent = heading.textContent;
  heading.replaceWith(lower);
}

export function rows() {
  return [...document.querySelectorAll("#queue-rows .row")];
}

export function idOf(row) {
  return row.id.slice("row-".length);
}

// Further pages

function watchEnd() {
  watcher?.disconnect();
  const next = document.getElementById("queue-next");
  if (!next) return;
  const scroller = next.closest(".scroll");
  watcher = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && appendFrom(next), {
    // On a phone the page itself scrolls.
    root: getComputedStyle(scroller).overflowY === "auto" ? scroller : null,
    rootMargin: "0px 0px 600px 0px",
  });
  watcher.observe(next);
  next.onclick = (event) => {
    event.preventDefault();
    appendFrom(next);
  };
}

/** Append the next page, if there is one; true if that worked. */
export async function appendNext() {
  const next = document.getElementById("queue-next");
  if (next) await appendFrom(next);
  return next !== null && !next.isConnected;
}

async function appendFrom(next) {
  if (next.dataset.busy) return;
  next.dataset.busy = "1";
  const list = next.closest(".list");
  const address = next.href;
  busy(list, true);
  const page = await fetched(address);
  // Meanwhile the list may have become another one, in which the link has stayed.
  if (!next.isConnected || next.href !== address) return;
  busy(list, false);
  if (!page) {
    delete next.dataset.busy;
    next.textContent = "More requests could not be loaded: try again";
    watcher?.disconnect();
    return;
  }
  const part = document.importNode(page.querySelector("#queue-rows > .part"), true);
  for (const row of part.querySelectorAll(".row")) if (document.getElementById(row.id)) row.remove();
  document.getElementById("queue-rows").append(part);
  const following = page.getElementById("queue-next");
  if (following) next.replaceWith(document.importNode(following, true));
  else next.remove();
  selectOpen();
  document.dispatchEvent(new Event("assent:listed"));
}

/** The id of the request that is open beside the list; empty if none is. */
export function openRequest() {
  return /^\/requests\/([^/]+)/.exec(location.pathname)?.[1] ?? "";
}

/** The row of the request that is open, which a further page does not know of. */
function selectOpen() {
  const row = document.getElementById(`row-${openRequest()}`);
  if (!row) return;
  row.dataset.selected = "";
  row.querySelector(".t a").setAttribute("aria-current", "page");
}

// Rows by name

function touch(ids) {
  const list = document.getElementById("queue-list");
  if (!list || list.dataset.liveMode === "offer") return;
  for (const id of ids) touched.add(id);
  timer ||= touched.size && setTimeout(bringUpToDate, SOON);
}

async function bringUpToDate() {
  timer = 0;
  const ids = [...touched].slice(0, AT_ONCE);
  for (const id of ids) touched.delete(id);
  const list = document.getElementById("queue-list");
  const src = list.dataset.liveSrc;
  const address = new URL(src, location.href);
  for (const id of ids) address.searchParams.append("row", id);
  const page = await fetched(address);
  if (page && src === list.dataset.liveSrc) {
    for (const id of ids) {
      const fresh = page.getElementById(`row-${id}`);
      if (fresh) await arrive(list, document.importNode(fresh, true));
      else leave(id);
    }
    settle(list);
  } else if (!page) {
    ids.forEach((id) => touched.add(id));
  }
  if (touched.size) timer = setTimeout(bringUpToDate, page ? SOON : 2000);
}
