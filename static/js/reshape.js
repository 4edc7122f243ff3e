// Lists in a form: an entry more or less, and another way of saying something, without loading the page again.
//
// The server draws the form as it would without a script; only the part that changes is taken from its answer.

let going = null; // one at a time: each answer is about the form as it was sent

export function startReshaping() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.('button[name="rearrange"]');
    if (!button || button.dataset.plain !== undefined) return;
    event.preventDefault();
    press(button);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-part]")) press(showButton(event.target));
  });
  document.addEventListener("assent:morphed", hideShowButtons);
  hideShowButtons();
}

/** Have the server draw a part of the form with what is in it, and `overrides` (a Map of names and values) on top. */
export async function reshape(part, form, address, button = null, overrides = new Map()) {
  const sent = new FormData(form, button);
  if (!button) sent.set("rearrange", "show");
  for (const [name, value] of overrides) value === null ? sent.delete(name) : sent.set(name, value);
  const answer = await fetch(address, {
    method: "POST", body: new URLSearchParams(sent), headers: { "X-Fragment": "1" }, credentials: "same-origin",
  });
  const fetched = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = fetched.getElementById(part.id);
  if (!answer.ok || !fresh) throw new Error(`No part ${part.id} in an answer with the status ${answer.status}`);
  const placed = document.importNode(fresh, true);
  part.replaceWith(placed);
  // The page now shows what the server has not kept.
  const bar = document.getElementById("decision");
  const told = fetched.getElementById("decision");
  if (told?.dataset.kept !== undefined) bar.dataset.kept = told.dataset.kept;
  if (told?.dataset.changed !== undefined) bar.dataset.changed = told.dataset.changed;
  else if (bar) delete bar.dataset.changed; // a start page has no decision; a step that was moved may be back in its place
  document.dispatchEvent(new Event("assent:morphed"));
  document.dispatchEvent(new Event("input"));
  return placed;
}

/** Add an entry to a list with its button, and return the list as it is drawn then. */
export async function addEntry(button) {
  const part = document.getElementById(button.dataset.part);
  await going;
  const adding = reshape(part, button.form, button.formAction.split("#", 1)[0], button);
  going = adding.catch(() => {});
  return adding;
}

async function press(button) {
  const part = document.getElementById(button.dataset.part);
  const act = button.value.split(":", 1)[0];
  await going;
  if (!button.isConnected) return;
  going = reshape(part, button.form, button.formAction.split("#", 1)[0], button)
    .then((placed) => focusIn(placed, act, button.value))
    .catch((error) => {
      console.info("The part could not be fetched; the whole form is sent.", error);
      button.dataset.plain = "";
      button.click();
    });
}

function focusIn(part, act, value) {
  const fields = "input:not([type=hidden]), select, textarea";
  const entries = part.querySelectorAll(":scope > .entry");
  if (act === "add") entries[entries.length - 1]?.querySelector(fields)?.focus();
  else if (act === "remove") part.querySelector(':scope > p > button[name="rearrange"]')?.focus();
  else if (act === "up" || act === "down") focusOnMoved(part, value);
  else part.querySelector("select[data-part]")?.focus();
}

/** The person goes on moving the step: the same button, or the other one where it cannot be moved further. */
function focusOnMoved(part, value) {
  const button = part.querySelector(`button[value="${CSS.escape(value)}"]`);
  const other = button?.parentElement.querySelector('button[name="rearrange"]:enabled');
  (button?.disabled ? other : button)?.focus();
}

function showButton(select) {
  return select.parentElement.querySelector('button[value="show"]');
}

/** With a script, choosing is enough. */
function hideShowButtons() {
  for (const select of document.querySelectorAll("select[data-part]")) showButton(select).hidden = true;
}
