// The table in which several requests are decided together: its buttons say how many they decide, and name what is of
// high risk. A request that would be refused for want of a comment is not counted.

import { isPausing, pause } from "./pause.js";

export function startTogether() {
  if (!document.getElementById("approve-together")) return;
  if (document.querySelector('#together [name="confirmed"]')) pause(nameButtons);
  document.addEventListener("change", (event) => event.target.matches?.("[data-together]") && nameButtons());
  document.getElementById("f-comment").addEventListener("input", nameButtons);
  window.addEventListener("pageshow", nameButtons);
  nameButtons();
}

function nameButtons() {
  const approve = document.getElementById("approve-together");
  const reject = document.getElementById("reject-together");
  const said = document.getElementById("f-comment").value.trim() !== "";
  const checked = [...document.querySelectorAll("[data-together]:checked")];
  const ready = checked.filter((box) => said || !("needsComment" in box.dataset));
  const risky = ready.filter((box) => box.dataset.risky);
  approve.textContent = ready.length
    ? `Approve ${counted(ready.length)}${risked(risky, ready.length)}`
    : checked.length ? "Write a comment to approve" : "Check at least one to approve";
  approve.disabled = !ready.length || isPausing();
  reject.textContent = said || !checked.length ? `Reject ${counted(checked.length)}` : "Write a comment to reject";
  reject.disabled = !checked.length || !said;
}

function counted(number) {
  return `${number} ${number === 1 ? "request" : "requests"}`;
}

/** What the button says about requests of high and critical risk among those that are checked. */
function risked(risky, all) {
  if (!risky.length) return "";
  if (risky.length > 1) return `, ${all === risky.length ? "all" : risky.length} of them at high or critical risk`;
  const { risky: level, effect } = risky[0].dataset;
  return `${all === 1 ? "" : ", one"} at ${level} risk: ${effect}`;
}
