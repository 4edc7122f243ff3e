// On a phone the pages that are used less stand behind one button.

export function startNav() {
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
