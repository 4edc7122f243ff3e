// Comments at lines: a click on a line's number brings the form to that line, and forms are sent without leaving.
//
// Without a script the form stands below the code, with a field for the line, and sending it loads the page again.

import { showFetched } from "./live.js";

const FORM = ".new-comment";
const homes = new WeakMap(); // where a form stands when it is at no line

export function startComments() {
  document.addEventListener("click", (event) => {
    const number = event.target.closest?.(".lines[data-comment] .ln > i");
    if (number) commentAt(number);
  });
  document.addEventListener("keydown", (event) => {
    const form = event.key === "Escape" && !event.isComposing && event.target.closest?.(`${FORM} > form`);
    if (form) takeBack(form.parentElement);
  });
  document.addEventListener("submit", send);
}

/** True while a person writes a comment at a line: the code stays as it is under their hands. */
export function isCommenting() {
  const written = document.querySelectorAll("form[data-comments] textarea");
  return [...written].some((field) => field.value.trim() || field === document.activeElement);
}

function commentAt(number) {
  const lines = number.closest(".lines");
  const box = lines.querySelector(FORM) ?? lines.parentElement.querySelector(`:scope > ${FORM}`);
  if (!box) return;
  if (!homes.has(box)) homes.set(box, { parent: box.parentElement, next: box.nextSibling });
  (number.closest(".noted") ?? number.parentElement).after(box);
  box.querySelector("[name=line]").value = number.textContent;
  box.open = true;
  box.querySelector("textarea").focus();
}

/** Put the form back below its code, closed. */
function takeBack(box) {
  box.open = false;
  const home = homes.get(box);
  if (!home) return;
  homes.delete(box);
  home.parent.insertBefore(box, home.next?.parentNode === home.parent ? home.next : null);
}

async function send(event) {
  const form = event.target;
  if (!form.matches("form[data-comments]") || event.defaultPrevented || form.dataset.plain !== undefined) return;
  event.preventDefault();
  const sent = new URLSearchParams(new FormData(form, event.submitter));
  const button = event.submitter;
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: sent, headers: { "X-Fragment": "1" }, credentials: "same-origin",
    });
    if (!answer.ok) throw new Error(`The answer has the status ${answer.status}`);
    const text = await answer.text();
    form.reset();
    const box = form.closest(`${FORM}, .reply`);
    document.activeElement?.blur();
    if (box?.matches(FORM)) takeBack(box);
    else if (box) box.open = false;
    await showFetched(text, document.getElementById("proposal").dataset.liveSrc);
  } catch (error) {
    console.info("The comment is sent with the whole page.", error);
    form.dataset.plain = "";
    form.requestSubmit(button);
  }
}
