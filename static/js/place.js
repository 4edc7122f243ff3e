// Where somebody is in the list, kept in this tab over the opening of a request: how much was loaded, how far it was
// scrolled, and which row came next.

import { appendNext, idOf, neighbour, rows } from "./list.js";

const KEY = "assent-place";
const MOST_PAGES = 40;

let kept = null;

export async function startPlace() {
  if (!document.getElementById("queue-list")) return;
  kept = read();
  window.addEventListener("pagehide", keep);
  if (kept?.query === query() && isShown()) {
    for (let page = 0; page < MOST_PAGES && rows().length < kept.rows; page += 1) if (!(await appendNext())) break;
    const list = scroller();
    if (list) list.scrollTop = kept.top;
    else if (location.pathname === "/queue") window.scrollTo(0, kept.top);
  }
  document.querySelector(".list .row[data-selected]")?.scrollIntoView({ block: "nearest" });
}

/** The row after the one that was open last, where that one is in the list no more. */
export function following() {
  return kept?.query === query() ? document.getElementById(`row-${kept.next}`) : null;
}

function keep() {
  if (!isShown()) return;
  const at = document.activeElement?.closest?.("#queue-rows .row") ?? document.querySelector(".list .row[data-selected]");
  const next = at && neighbour(at, "nextElementSibling");
  const place = {
    query: query(),
    rows: rows().length,
    top: scroller()?.scrollTop ?? window.scrollY,
    next: next ? idOf(next) : (kept?.next ?? ""),
  };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(place));
  } catch {
    // A browser that keeps nothing: the list begins at its top.
  }
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

/** Beside a request the list is only for screens that have room for both. */
function isShown() {
  return Boolean(document.getElementById("queue-list").offsetParent);
}

/** The element that scrolls the list; null: the page. */
function scroller() {
  const box = document.querySelector("#queue-list > .scroll");
  return getComputedStyle(box).overflowY === "auto" ? box : null;
}

/** The filters of the list, whatever request is open beside it. */
function query() {
  return location.search;
}
