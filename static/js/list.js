// The queue, kept true without moving a row under the pointer: rows change in place, what is new above is announced on
// a button, and rows that have left stay where they are, marked, while somebody points at the list. Further pages are
// appended as one scrolls; the newest page one says nothing about them, so their rows are asked for by name.

import { morph } from "./morph.js";
import { localise } from "./times.js";

const AT_ONCE = 50; // rows asked for by name in one go
const SOON = 200; // ms; gathers what happens to several rows

let waiting = null; // the newest list that has not been shown yet
let watcher = null;
const touched = new Set(); // ids of rows below page one that something has happened to
let timer = 0;

export function startList() {
  if (!document.getElementById("queue-list")) return;
  document.addEventListener("assent:request", ({ detail }) => touch([detail]));
  document.addEventListener("assent:missed", () => touch(rows().map((row) => idOf(row))));
  document.addEventListener("assent:morphed", watchEnd);
  document.addEventListener("assent:listed", watchEnd);
  watchEnd();
}

/** Fetch a page of the list and parse it; null if that did not work. */
export async function fetched(address, signal) {
  try {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" }, credentials: "same-origin", signal });
    if (!answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    localise(page);
    return page;
  } catch {
    return null;
  }
}

export async function mergeList(list, fresh) {
  asBeside(list, fresh);
  const shown = list.querySelector("#queue-rows");
  const freshRows = fresh.querySelector("#queue-rows");
  await morph(list.querySelector("#queue-count"), fresh.querySelector("#queue-count"));
  const [chips, freshChips] = [list.querySelector(".chips"), fresh.querySelector(".chips")];
  if (chips && freshChips) await morph(chips, freshChips);
  if (list.dataset.liveMode === "offer") {
    if (!shown.isEqualNode(freshRows)) offer(list, fresh, 0, true);
    return;
  }
  if (!shown.children.length || !freshRows.children.length) {
    await showAll(list, fresh);
    return;
  }
  const before = new Map([...shown.children].map((row) => [row.id, row]));
  const after = new Map([...freshRows.children].map((row) => [row.id, row]));
  const kept = [...after.keys()].filter((id) => before.has(id) && !before.get(id).classList.contains("gone"));
  for (const id of kept) await morph(before.get(id), after.get(id));
  const pointed = shown.matches(":hover") || shown.contains(document.activeElement);
  const more = fresh.querySelector("#queue-next") !== null;
  const end = [...after.values()].at(-1);
  for (const [id, row] of before) {
    // A page that has a next one says nothing about what ranks after its last row.
    if (!after.has(id) && !(more && isAfter(list, row, end))) leave(row, pointed);
  }
  const added = [...after.values()].filter((row) => !before.has(row.id));
  const last = [...before.values()].at(-1);
  const below = list.querySelector("#queue-next") ? [] : added.filter((row) => isAfter(list, row, last));
  for (const row of below) shown.append(document.importNode(row, true));
  const hidden = added.filter((row) => !below.includes(row) && !(list.querySelector("#queue-next") && isAfter(list, row, last)));
  const reordered = !hidden.length && !sameOrder([...before.keys()].filter((id) => after.has(id)), kept);
  offer(list, fresh, hidden.length, reordered);
}

/** True if the one ranks after the other. */
function isAfter(list, row, other) {
  const later = row.dataset.rank > other.dataset.rank;
  return "newestFirst" in list.dataset ? row.dataset.rank < other.dataset.rank : later;
}

function leave(row, pointed) {
  if (!pointed) {
    row.remove();
    return;
  }
  row.classList.add("gone");
  const left = row.querySelector(".left");
  if (left) left.textContent = "no longer waits";
}

function sameOrder(one, other) {
  return one.length === other.length && one.every((id, at) => id === other[at]);
}

function offer(list, fresh, above, reordered) {
  const button = list.querySelector("#queue-fresh");
  waiting = above || reordered ? fresh : null;
  button.hidden = !waiting;
  button.textContent = above ? `${above} new ${above === 1 ? "request" : "requests"}` : "The order has changed: show it";
  button.onclick = async () => {
    const newest = waiting;
    if (newest) await showAll(list, newest);
    list.querySelector("#queue-rows a")?.focus();
  };
}

/** Show the list as it was fetched. */
export async function showAll(list, fresh) {
  waiting = null;
  await morph(list, fresh);
  document.dispatchEvent(new Event("assent:listed"));
}

/** Beside a request the list is no page of its own: what was fetched as one is made fit to stand there. */
export function asBeside(list, fresh) {
  const heading = fresh.querySelector("h1#queue-count");
  if (!list.classList.contains("beside") || !heading) return;
  fresh.classList.add("beside");
  const lower = fresh.ownerDocument.createElement("h2");
  lower.id = heading.id;
  lower.textContent = heading.textContent;
  heading.replaceWith(lower);
}

function rows() {
  return [...document.querySelectorAll("#queue-rows .row")];
}

function idOf(row) {
  return row.id.slice("row-".length);
}

// Further pages

function watchEnd() {
  watcher?.disconnect();
  const next = document.getElementById("queue-next");
  if (!next) return;
  const scroller = next.closest(".scroll");
  watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && appendFrom(next), {
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

async function appendFrom(next) {
  if (next.dataset.busy) return;
  next.dataset.busy = "1";
  const list = next.closest(".list");
  list.setAttribute("aria-busy", "true");
  const page = await fetched(next.href);
  list.removeAttribute("aria-busy");
  if (!next.isConnected) return;
  if (!page) {
    delete next.dataset.busy;
    next.textContent = "The next rows could not be fetched: try again";
    watcher?.disconnect();
    return;
  }
  const shown = document.getElementById("queue-rows");
  for (const row of page.querySelectorAll("#queue-rows > .row")) {
    if (!document.getElementById(row.id)) shown.append(document.importNode(row, true));
  }
  const following = page.getElementById("queue-next");
  if (following) next.replaceWith(document.importNode(following, true));
  else next.remove();
  document.dispatchEvent(new Event("assent:listed"));
}

// Rows below page one, by name

function touch(ids) {
  const list = document.getElementById("queue-list");
  if (!list || list.dataset.liveMode === "offer") return;
  for (const id of ids) if (document.getElementById(`row-${id}`)) touched.add(id);
  timer ||= touched.size && setTimeout(bringUpToDate, SOON);
}

async function bringUpToDate() {
  timer = 0;
  const ids = [...touched].slice(0, AT_ONCE);
  for (const id of ids) touched.delete(id);
  const list = document.getElementById("queue-list");
  const address = new URL(list.dataset.liveSrc, location.href);
  for (const id of ids) address.searchParams.append("row", id);
  const page = await fetched(address);
  if (page) {
    const shown = list.querySelector("#queue-rows");
    const pointed = shown.matches(":hover") || shown.contains(document.activeElement);
    for (const id of ids) {
      const [row, fresh] = [document.getElementById(`row-${id}`), page.getElementById(`row-${id}`)];
      if (row && fresh) await morph(row, document.importNode(fresh, true));
      else if (row) leave(row, pointed);
    }
  } else {
    ids.forEach((id) => touched.add(id));
  }
  if (touched.size) timer = setTimeout(bringUpToDate, page ? SOON : 2000);
}
