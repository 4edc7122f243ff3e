// Deciding in steps: what counts much takes a second press, which names its effect, and a rejection takes its reason
// first. The bar says what comes next; the proposal stays in sight.

import { isEditing } from "./meanwhile.js";
import { isGoing } from "./sending.js";

const WEIGHTY = ["high", "critical"];
const SETTLES = ["approve", "answer"];

let armed = null; // the button that was pressed once, with its words
let chosen = null; // the button whose reason is being written
let clicks = 0; // which click of a series the last one was
let byKey = ""; // the key that pressed the button

export function startVerdicts() {
  // Before anything else hears of it, since what is not sent is not sent.
  document.addEventListener("submit", confirm, { capture: true });
  document.addEventListener("click", (event) => (clicks = event.detail), { capture: true });
  // The editor has a use of its own for Ctrl+Enter.
  document.addEventListener("keydown", inField, { capture: true });
  document.addEventListener("click", (event) => event.target.closest?.("[data-opens]") && openComment());
  for (const name of ["input", "change"]) document.addEventListener(name, (event) => event.isTrusted && disarm());
  document.addEventListener("assent:morphed", () => {
    if (armed && !armed.button.isConnected) disarm();
    if (chosen && !chosen.isConnected) chosen = null;
  });
}

/** Press the button with this verdict, by a key. Returns false if there is none that can be pressed. */
export function decide(verdict, key) {
  const button = buttonOf(verdict);
  if (!button) return false;
  byKey = key;
  if (!SETTLES.includes(button.value)) askReason(button);
  else if (needsReason(button)) askReason(button);
  else if (button.id === "answer" && isEmpty()) firstAnswer()?.focus();
  else button.form.requestSubmit(button);
  byKey = "";
  return true;
}

/** Go back from what was begun. Returns true if there was anything. */
export function stepBack() {
  if (!armed && !chosen) return false;
  disarm();
  choose(null);
  return true;
}

function buttonOf(verdict) {
  const values = verdict === "approve" ? SETTLES : [verdict];
  const found = [...(document.getElementById("decide")?.elements ?? [])];
  return found.find((field) => field.name === "verdict" && values.includes(field.value) && !field.disabled);
}

function bar() {
  return document.getElementById("decision");
}

function comment() {
  return document.getElementById("f-comment");
}

function needsReason(button) {
  const verdict = button.value === "approve" && isEditing() ? "modify" : button.value;
  return (bar().dataset.reasons ?? "").split(" ").includes(verdict) && !comment().value.trim();
}

function firstAnswer() {
  const fields = [...(document.getElementById("decide")?.elements ?? [])];
  return fields.find((field) => field.name?.startsWith("answer") && field.type !== "hidden" && field.checkVisibility());
}

function isEmpty() {
  const field = firstAnswer();
  return field?.tagName === "TEXTAREA" && !field.value.trim();
}

// A second press

function confirm(event) {
  const button = event.submitter;
  if (event.target.id !== "decide" || button?.name !== "verdict" || isGoing(event.target)) return;
  if (!SETTLES.includes(button.value) && needsReason(button)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    askReason(button);
    return;
  }
  if (!SETTLES.includes(button.value) || !WEIGHTY.includes(bar().dataset.risk)) return;
  // The page says what a change would mean: the button is pressed again already.
  if (event.target.elements.namedItem("acknowledged_risk")) return;
  if (armed?.button === button) {
    // The second click of a double click is no second thought.
    if (byKey || clicks < 2) {
      disarm();
      return;
    }
  } else {
    arm(button);
  }
  event.preventDefault();
  event.stopImmediatePropagation();
}

function arm(button) {
  choose(null);
  const effect = button.textContent.trim();
  armed = { button, words: effect };
  button.dataset.armed = effect;
  button.textContent = `Confirm: ${lower(effect)}`;
  const how = byKey ? `Press ${byKey} again` : "Press the button again";
  tell(`${how}: ${lower(effect)}. ${capital(bar().dataset.risk)} risk.${byKey ? " Esc goes back." : ""}`);
}

function disarm() {
  if (!armed) return;
  const { button, words } = armed;
  armed = null;
  delete button.dataset.armed;
  button.textContent = words;
  untell();
}

// A reason first

function askReason(button) {
  disarm();
  choose(button);
  openComment();
}

/** On a phone the field takes its room only when it is wanted. */
function openComment() {
  comment().closest(".field").dataset.open = "";
  comment().focus();
}

function choose(button) {
  if (chosen) delete chosen.dataset.chosen;
  const had = chosen;
  chosen = button;
  if (!button) {
    if (had) untell();
    return;
  }
  button.dataset.chosen = "";
  const words = { reject: "to reject", request_changes: "for the changes", answer: "for the answer" };
  const send = navigator.platform?.startsWith("Mac") ? "⌘ Enter" : "Ctrl Enter";
  const how = byKey ? `${send} sends it, Esc goes back.` : "Then press the button again.";
  tell(`Give a reason ${words[button.value] ?? "to approve"}. ${how}`);
}

/** In a field: Ctrl+Enter sends, and Escape leaves. */
function inField(event) {
  const field = event.target;
  if (event.repeat && armed && field === armed.button) event.preventDefault();
  if (event.isComposing || event.repeat || !field.matches?.("textarea, input, .cm-content")) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event, field);
  if (event.key === "Escape" && field === comment()) {
    event.preventDefault();
    stepBack();
    document.querySelector("#request-head h1")?.focus();
  }
}

function send(event, field) {
  const form = field.form ?? document.getElementById(field.closest("[form]")?.getAttribute("form") ?? "decide");
  if (!form) return;
  event.preventDefault();
  event.stopPropagation();
  if (form.id !== "decide") {
    form.requestSubmit();
    return;
  }
  const button = chosen ?? (field === comment() ? null : buttonOf("approve"));
  if (!button) {
    tell("Choose a decision for this comment: approve, request changes, or reject.");
    return;
  }
  if (needsReason(button)) {
    askReason(button);
    return;
  }
  byKey = event.metaKey ? "⌘ Enter" : "Ctrl Enter";
  form.requestSubmit(button);
  byKey = "";
}

// What the bar says

let told = "";

/** Say something in the bar, unless it says why nothing can be sent. */
export function tell(words) {
  const said = document.getElementById("decide-said");
  if (!said || (said.textContent && said.textContent !== told)) return;
  told = words;
  said.hidden = false;
  said.textContent = words;
}

function untell() {
  const said = document.getElementById("decide-said");
  if (!said || said.textContent !== told) return;
  said.textContent = "";
  said.hidden = true;
}

function lower(words) {
  return words.charAt(0).toLowerCase() + words.slice(1);
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
