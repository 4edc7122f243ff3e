// The decision bar says what the button does, as the person chooses and edits.

import { isPausing, pause } from "./pause.js";

export function startDeciding() {
  // The page says what a change would mean, or names a high risk: its button sends.
  if (document.querySelector('#decide [name="acknowledged_risk"]')) pause(nameApproval);
  const update = () => {
    nameLacks();
    nameApproval();
    nameAnswer();
  };
  update();
  document.addEventListener("input", update);
  document.addEventListener("change", update);
  document.addEventListener("assent:morphed", update);
}

/** Everything that goes with the decision, wherever it stands on the page. */
export function decisionFields() {
  return [...(document.getElementById("decide")?.elements ?? [])];
}

/** True if a field holds something else than what the server put there. */
export function isEdited(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
  if (field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && field.type !== "hidden")) {
    return field.value !== field.defaultValue;
  }
  return false;
}

/** Say under each step of a plan that is kept which of the steps that it needs are left out. */
function nameLacks() {
  for (const said of document.querySelectorAll("[data-lacks]")) {
    const box = document.getElementById(said.dataset.lacks);
    const needed = box.dataset.needs.split(" ").map((id) => document.getElementById(`step-${id}`));
    const lacking = needed.filter((other) => other && !other.checked);
    const names = lacking.map((other) => `“${other.labels[0].textContent.trim()}”`);
    const words = box.checked && names.length ? `Needs ${names.join(" and ")}, which ${names.length === 1 ? "is" : "are"} left out.` : "";
    if (said.textContent !== words) said.textContent = words;
    said.hidden = !words;
  }
}

function nameApproval() {
  const button = document.getElementById("approve");
  if (!button || isTaken(button)) return;
  button.disabled = isPausing();
  const { tail, effect, verb, noun, nouns } = button.dataset;
  const fields = decisionFields();
  const items = fields.filter((field) => field.hasAttribute("data-item"));
  const chosen = items.filter((field) => field.checked).length;
  const sentBefore = document.querySelector("#decision[data-changed]")?.dataset.changed; // undefined: nothing was
  const edited = fields.filter((field) => field.name !== "comment" && isEdited(field));
  const changed = chosen < items.length || sentBefore !== undefined || edited.length > 0;
  const omits = (sentBefore === undefined || sentBefore === "omits") && edited.every(leavesOut);
  const changedTail = omits ? button.dataset.leftTail : button.dataset.changedTail;
  const calls = fields.filter((field) => field.hasAttribute("data-call") && field.checked);
  const made = calls.filter((field) => field.value === "approve").length;
  const answered = fields.some((field) => field.hasAttribute("data-respond") && field.value.trim());
  if (answered) {
    button.textContent = `Answer instead of calling${changedTail}`;
    return;
  }
  if (calls.length) {
    const left = made === calls.length ? effect : made ? `make ${made} of ${calls.length} calls` : "make no calls";
    button.textContent = `${changed ? "Approve with changes" : "Approve"}${(changed ? changedTail : tail) || ` and ${left}`}`;
    return;
  }
  const does = verb ? `${verb} ${chosen} ${chosen === 1 ? noun : nouns}` : effect;
  const first = changed ? "Approve with changes" : "Approve";
  const then = changed ? changedTail : tail;
  let words = then ? `${first}${then}` : does ? `${first} and ${does}` : first;
  if (items.length && !chosen) words = "Select at least one to approve";
  button.disabled = isPausing() || (items.length > 0 && chosen === 0);
  if (button.textContent !== words) button.textContent = words;
}

/** True if what was done to a field leaves an item, a call, or a step out, or brings it back. */
function leavesOut(field) {
  if (field.hasAttribute("data-item")) return true;
  return field.hasAttribute("data-call") && !(field.checked && field.value === "respond");
}

const ACTIONS = { retry: "Retry the step", skip: "Skip the step and continue", abort: "Abort the run" };

function nameAnswer() {
  const button = document.getElementById("answer");
  const chosen = decisionFields().find((field) => field.type === "radio" && field.checked);
  if (!button || isTaken(button) || !chosen || chosen.name !== "answer.action") return;
  try {
    button.textContent = ACTIONS[JSON.parse(chosen.value)] ?? button.textContent;
  } catch {
    // Not one of the choices for a failed step: the words of the server stay.
  }
}

/** True if the button says something else for now: what it waits for. */
function isTaken(button) {
  return "armed" in button.dataset || "waits" in button.dataset;
}
