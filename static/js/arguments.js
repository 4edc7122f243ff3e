// The list of arguments and the form that takes its place.
//
// Closing the form loses nothing: its fields go with the decision all the same, which the page then says.

import { isEdited } from "./decide.js";

const FORMS = "details.edits";

export function startArguments() {
  document.addEventListener("toggle", sayKept, true);
  document.addEventListener("input", sayKept);
  document.addEventListener("change", sayKept);
  document.addEventListener("assent:morphed", sayKept);
  document.addEventListener("click", closeForPlace);
  sayKept();
}

function sayKept() {
  for (const form of document.querySelectorAll(FORMS)) {
    const note = form.parentElement.querySelector(":scope > .note.kept");
    if (!note) continue;
    const edited = form.querySelectorAll("input, select, textarea");
    note.hidden = form.open || !(isKept(form) || [...edited].some(isEdited));
  }
}

/** True if the server has drawn the form with what was submitted, which it does not store. */
function isKept(form) {
  return Boolean(form.closest("#proposal") && document.querySelector("#decision[data-changed]"));
}

/** A finding leads to a line of the list: the list comes back for it. */
function closeForPlace(event) {
  const link = event.target.closest?.('a[href^="#"]');
  const place = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
  const form = place?.closest(".argument-list")?.parentElement.querySelector(`:scope > ${FORMS}[open]`);
  if (form) form.open = false;
}
