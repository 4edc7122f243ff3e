// What a person has written and not sent survives a reload, a crash of the tab, and a closed browser.
//
// A draft is kept in this browser by person, request and digest. It goes when the decision was taken, when it is
// discarded, and at signing out; drafts of somebody else are removed unread. One that was written for another
// proposal than the one shown is offered as text to copy and never gets back into the fields.

import { decisionFields, isEdited } from "./decide.js";
import { refillEditors } from "./editing.js";
import { visible } from "./hidden.js";
import { isSignOut, person, read, remove, startKeeping, stored, write } from "./kept.js";
import { reshape } from "./reshape.js";

const PREFIX = "assent-draft:";
const PAUSE = 300; // ms after the last key

let timer = 0;
let sent = false; // the decision is on its way
let left = false; // its person has signed out

export function startDrafts() {
  startKeeping(PREFIX);
  document.addEventListener("submit", (event) => {
    if (isSignOut(event.target)) left = true;
  });
  const bar = document.getElementById("decision");
  if (!bar || !person()) return;
  const place = `${PREFIX}${person()}:${bar.dataset.request}:`;
  const own = `${place}${bar.dataset.digest}`;
  offer(bar, place, own);
  const save = () => keep(own);
  const later = () => {
    sent = false;
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  };
  document.addEventListener("input", later);
  document.addEventListener("change", later);
  // A page that is left in the middle of a word.
  window.addEventListener("pagehide", save);
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "decide" || event.defaultPrevented) return;
    sent = event.submitter?.name === "verdict" || event.submitter?.name === "acknowledged_risk";
    save();
  });
}

function offer(bar, place, own) {
  const drafts = stored(place);
  for (const key of drafts) {
    const draft = read(key);
    if (!draft || (draft.sent && !bar.dataset.open)) {
      remove(key); // the decision it was for has been taken
    } else if (key === own && bar.dataset.open) {
      if (!bar.hasAttribute("data-kept")) restore(key, draft);
    } else {
      show(noticeOld(key, draft));
    }
  }
}

/** Put the texts back into their fields, and say so. */
async function restore(key, draft) {
  let count = await restoreLists(draft);
  for (const field of writable()) {
    const name = nameOf(field);
    if (!(name in draft.fields)) continue;
    const value = draft.fields[name];
    if (value === (isChoice(field) ? field.checked : field.value)) continue;
    if (isChoice(field)) field.checked = value === true;
    else field.value = value;
    field.closest("details")?.setAttribute("open", "");
    count += 1;
  }
  if (!count) {
    remove(key);
    return;
  }
  document.dispatchEvent(new Event("input"));
  refillEditors();
  const box = notice("Your unsent text has been restored. ");
  box.append(
    button("Discard", () => {
      if (document.querySelector("#decision[data-kept]")) {
        // Fields came and went with it: the proposal as it is has to be fetched.
        left = true;
        remove(key);
        location.reload();
        return;
      }
      for (const field of writable()) reset(field);
      document.dispatchEvent(new Event("input"));
      refillEditors();
      clearTimeout(timer);
      remove(key);
      box.remove();
      document.getElementById("f-comment")?.focus();
    }),
  );
  show(box);
}

/** Entries that were added or taken out, and other ways: the server draws them. Returns 1 if there were any. */
async function restoreLists(draft) {
  const shapes = writable().filter(isShape);
  const form = document.getElementById("decide");
  const part = document.querySelector("#proposal :is(fieldset[id], #f-steps)");
  const address = document.querySelector('#proposal [name="rearrange"]')?.formAction.split("#", 1)[0];
  if (!address || !part || !shapes.some((field) => field.name in draft.fields && draft.fields[field.name] !== field.value)) return 0;
  const overrides = new Map();
  for (const [name, value] of Object.entries(draft.fields)) {
    if (typeof value === "string") overrides.set(name, value);
    else choose(overrides, name, value);
  }
  try {
    await reshape(part, form, address, null, overrides);
    return 1;
  } catch {
    return 0; // what has a field is put back all the same
  }
}

function choose(overrides, name, value) {
  const at = name.lastIndexOf("=");
  if (value) overrides.set(name.slice(0, at), name.slice(at + 1));
  else if (!overrides.has(name.slice(0, at))) overrides.set(name.slice(0, at), null);
}

function noticeOld(key, draft) {
  const box = notice("You have unsent text for an earlier version of the proposal. It was not restored to the fields: ");
  const text = document.createElement("pre");
  text.className = "block";
  text.tabIndex = 0;
  const words = Object.values(draft.fields)
    .filter((value) => typeof value === "string")
    .join("\n\n");
  text.append(words ? visible(words) : "Other items were selected.");
  const discard = button("Discard", () => {
    remove(key);
    box.remove();
  });
  box.append(text, discard);
  return box;
}

function keep(key) {
  clearTimeout(timer);
  if (left) return;
  const edited = writable().filter(isChanged);
  if (!edited.length) {
    // A field that is gone with its form was not emptied by the person.
    if (writable().length && !document.querySelector("#decision[data-kept]")) remove(key);
    return;
  }
  const fields = Object.fromEntries(edited.map((field) => [nameOf(field), isChoice(field) ? field.checked : field.value]));
  write(key, { sent, fields });
}

function isChanged(field) {
  if (isEdited(field)) return true;
  // After a refusal the fields were filled by the server, which has not kept any of it.
  const kept = document.querySelector("#decision[data-kept]") !== null;
  return kept && (isChoice(field) || isShape(field) || field.value !== "");
}

function writable() {
  return decisionFields().filter((field) => field.name && (field.type !== "hidden" || isShape(field)) && field.tagName !== "BUTTON" && field.tagName !== "FIELDSET");
}

function nameOf(field) {
  return isChoice(field) ? `${field.name}=${field.value}` : field.name;
}

/** True if other fields depend on it: the entries of a list, the way of a union. */
function isShape(field) {
  return "entries" in field.dataset || "part" in field.dataset;
}

function isChoice(field) {
  return field.type === "checkbox" || field.type === "radio";
}

function reset(field) {
  if (isChoice(field)) field.checked = field.defaultChecked;
  else if (field.tagName === "SELECT") for (const option of field.options) option.selected = option.defaultSelected;
  else field.value = field.defaultValue;
}

function show(box) {
  document.getElementById("request-drafts")?.append(box);
}

function notice(words) {
  const box = document.createElement("div");
  box.className = "notice";
  box.append(words);
  return box;
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn slim";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}
