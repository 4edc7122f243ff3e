// The table in which several requests are decided together: its buttons say how many, and name what is of high risk.

import { isPausing, pause } from "./pause.js";

export function startTogether() {
  if (!document.getElementById("approve-together")) return;
  if (document.querySelector('#together [name="confirmed"]')) pause(nameButtons);
  document.addEventListener("change", (event) => event.target.matches?.("[data-together]") && nameButtons());
  window.addEventListener("pageshow", nameButtons);
  nameButtons();
}

function nameButtons() {
  const approve = document.getElementById("approve-together");
  const reject = document.getElementById("reject-together");
  const checked = [...document.querySelectorAll("[data-together]:checked")];
  const number = `${checked.length} ${checked.length === 1 ? "request" : "requests"}`;
  const risky = checked.filter((box) => box.dataset.risky);
  approve.textContent = checked.length ? `Approve ${number}${risked(risky, checked.length)}` : "Check at least one to approve";
  approve.disabled = !checked.length || isPausing();
  reject.textContent = `Reject ${number}`;
  reject.disabled = !checked.length;
}

/** What the button says about requests of high and critical risk among those that are checked. */
function risked(risky, all) {
  if (!risky.length) return "";
  if (risky.length > 1) return `, ${all === risky.length ? "all" : risky.length} of them at high or critical risk`;
  const { risky: level, effect } = risky[0].dataset;
  return `${all === 1 ? "" : ", one"} at ${level} risk: ${effect}`;
}
