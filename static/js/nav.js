// The navigation. It knows on every page how much waits for the person, which the tab's title says. On a phone the pages
// that are used less stand behind one button.

const SECOND = 1000;
const LONGEST_WAIT = 2 ** 31 - 1; // ms; the longest that browsers wait

let returning = 0; // timer of the next snooze that ends

export function startNav() {
  countInTitle();
  document.addEventListener("assent:morphed", countInTitle);
  document.addEventListener("click", (event) => {
    const nav = document.getElementById("nav");
    if (!nav) return;
    if (event.target.closest?.("#nav-more")) unfold(nav, !isUnfolded(nav));
    else if (!nav.contains(event.target)) unfold(nav, false);
  });
  document.addEventListener("keydown", (event) => {
    const nav = document.getElementById("nav");
    if (event.key !== "Escape" || !nav?.contains(document.activeElement) || !isUnfolded(nav)) return;
    unfold(nav, false);
    document.getElementById("nav-more").focus();
  });
}

/** How many requests need this person's decision; in words, "99+" if there are more; empty if none do. */
export function ownCount() {
  return document.getElementById("nav")?.dataset.own ?? "";
}

function countInTitle() {
  awaitReturn();
  const title = document.title.replace(/^\(\d+\+?\) /, "");
  const counted = ownCount() ? `(${ownCount()}) ${title}` : title;
  if (document.title !== counted) document.title = counted;
}

/** What the person has snoozed returns at its time, without anything happening to it. */
function awaitReturn() {
  const at = Date.parse(document.getElementById("nav")?.dataset.returns ?? "");
  clearTimeout(returning);
  if (Number.isNaN(at)) return;
  const wait = Math.min(Math.max(at - Date.now(), 0) + SECOND, LONGEST_WAIT);
  returning = setTimeout(() => document.dispatchEvent(new CustomEvent("assent:touch", { detail: ["queue"] })), wait);
}

/** What was unfolded stays unfolded when the region is fetched again. */
export function keepUnfolded(nav, fresh) {
  if (isUnfolded(nav)) unfold(fresh, true);
}

function isUnfolded(nav) {
  return "unfolded" in nav.dataset;
}

function unfold(nav, open) {
  nav.toggleAttribute("data-unfolded", open);
  nav.querySelector("#nav-more")?.setAttribute("aria-expanded", String(open));
}
