// What happens elsewhere while a person is writing: their text stays, and the page says what it is still good for.

import { decisionFields, isEdited } from "./decide.js";

/** True if the decision's fields hold something that the server does not have. */
export function isWriting() {
  if (document.querySelector("#decision[data-kept]")) return true;
  return isEditing() || decisionFields().some(isEdited);
}

/** True if a person changes the proposal, which a comment does not. */
export function isEditing() {
  // Who has the cursor in an editor is about to write: it is not taken from under their hands.
  if (document.querySelector(".editor .cm-focused, #decision[data-changed]")) return true;
  return decisionFields().some((field) => field.name !== "comment" && isEdited(field));
}

/**
 * Say why the decision can no longer be sent, and see to it that it is not; `final` off leaves the buttons alone.
 * `way` is a link that leads on, as its words and address.
 */
export function closeDecision(words, final = true, way = null) {
  const notice = document.getElementById("request-meanwhile");
  if (notice && notice.dataset.words !== words) {
    notice.dataset.words = words;
    notice.replaceChildren(noticeBox(words, way));
  }
  const said = document.getElementById("decide-said");
  if (said) {
    said.hidden = false;
    said.textContent = words;
  }
  if (!final) return;
  for (const button of decisionFields().filter((field) => field.tagName === "BUTTON")) button.disabled = true;
  document.getElementById("approve")?.removeAttribute("id");
}

function noticeBox(words, way) {
  const box = document.createElement("div");
  box.className = "notice warn";
  box.append(words);
  if (way) {
    const link = document.createElement("a");
    link.href = way.address;
    link.textContent = way.words;
    box.append(" ", link);
  }
  return box;
}

/** The page shows how things stand again, so a notice about it has nothing more to say. */
export function clearNotice() {
  const notice = document.getElementById("request-meanwhile");
  notice?.replaceChildren();
  delete notice?.dataset.words;
}
