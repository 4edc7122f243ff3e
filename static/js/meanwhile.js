// What happens elsewhere while a person is writing: their text stays, and the page says what it is still good for.

import { decisionFields, isEdited } from "./decide.js";

/** True if the decision's fields hold something that the server does not have. */
export function isWriting() {
  if (document.querySelector("#decision[data-kept]")) return true;
  return decisionFields().some(isEdited);
}

/** Say why the decision can no longer be sent, and see to it that it is not; `final` off leaves the buttons alone. */
export function closeDecision(words, final = true) {
  const notice = document.getElementById("request-meanwhile");
  if (notice && notice.textContent !== words) {
    const box = document.createElement("div");
    box.className = "notice warn";
    box.textContent = words;
    notice.replaceChildren(box);
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
