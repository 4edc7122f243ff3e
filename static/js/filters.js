// Filters of the queue change the list in place; the address follows, Back works, and a slow older answer never wins.

import { asBeside, busy, fetched, openRequest, shorten, showAll } from "./list.js";
import { isThere, sayOffline } from "./sending.js";

const TYPING = 250; // ms
let asking = null; // of the newest answer that is waited for
let timer = 0;

export function startFilters() {
  const list = document.getElementById("queue-list");
  if (!list) return;
  document.addEventListener("click", (event) => {
    // One of the chips leads to another page.
    const link = event.target.closest("#queue-list .chip[href^='/queue'], #queue-empty a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    show(new URL(link.href).searchParams, true);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("#queue-filter")) return;
    event.preventDefault();
    show(wanted(event.target), true);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("#queue-filter");
    if (form && event.target.type !== "search") show(wanted(form), true);
  });
  document.addEventListener("input", (event) => {
    if (event.target.id !== "q-text") return;
    clearTimeout(timer);
    timer = setTimeout(() => show(wanted(event.target.form), false), TYPING);
  });
  window.addEventListener("popstate", () => show(new URLSearchParams(location.search), null));
}

function wanted(form) {
  clearTimeout(timer);
  const given = new URLSearchParams(new FormData(form));
  return new URLSearchParams([...given].filter(([, value]) => value.trim()));
}

/** Show the list for these filters. `step`: a new step of the history, or the present one; null: it is there already. */
async function show(query, step) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const list = document.getElementById("queue-list");
  const own = new URLSearchParams(query);
  const selected = openRequest();
  if (selected) own.set("selected", selected);
  busy(list, true);
  const next = document.getElementById("queue-next");
  if (next) next.dataset.busy = "1"; // nothing is appended to a list that goes
  const page = await fetched(`/queue?${own}`, mine.signal, true);
  if (mine.signal.aborted) return;
  const fresh = page?.getElementById("queue-list");
  const address = `${location.pathname}${query.size ? `?${query}` : ""}`;
  if (!fresh) {
    if (!(await isThere())) {
      if (!mine.signal.aborted) waitFor(query, step, list, mine.signal);
      return;
    }
    if (mine.signal.aborted) return;
    // The browser goes there by itself, and shows the error that the portal answers with.
    if (step === null) location.reload();
    else location.assign(address);
    return;
  }
  await shorten(list);
  if (mine.signal.aborted) return;
  busy(list, false);
  // The field that is being typed into is the newest there is.
  const typing = document.activeElement?.id === "q-text" ? document.activeElement.value : null;
  asBeside(list, fresh);
  await showAll(list, fresh);
  const text = document.getElementById("q-text");
  if (text && typing === null) text.value = query.get("text") ?? "";
  for (const field of list.querySelectorAll(".filters select, .filters input[type=checkbox]")) {
    if (field.type === "checkbox") field.checked = query.get(field.name) === "1";
    else field.value = query.get(field.name) ?? "";
  }
  list.querySelector(".scroll").scrollTop = 0;
  if (step) history.pushState(null, "", address);
  else if (step === false) history.replaceState(null, "", address);
  const told = document.getElementById("queue-told");
  if (told) told.textContent = document.getElementById("queue-count").textContent.trim();
}

/** Without a connection the list stays as it is; what was chosen last is shown when the portal can be reached again. */
function waitFor(query, step, list, signal) {
  busy(list, false);
  const next = document.getElementById("queue-next");
  if (next) delete next.dataset.busy;
  sayOffline();
  window.addEventListener("assent:connected", () => show(query, step), { once: true, signal });
}
