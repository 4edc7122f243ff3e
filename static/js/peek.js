// More about a row of the queue: its whole title, and what does not fit into its two lines. It is shown beside the row
// that the keyboard is at or a mouse rests on, moves nothing, and is not for fingers. It stays until one leaves or presses
// Escape, and a mouse can move onto it (WCAG 1.4.13). Those who listen have the same text in the row itself.

const REST = 400; // ms for which a mouse has to rest on a row
const LEAVE = 250; // ms in which it can get from the row to what is shown beside it
const EDGE = 8; // px to the edges of the window
const ROW = "#queue-rows .row";

let panel = null;
let shown = null; // the row that it is about
let left = null; // the row for which somebody has closed it
let timer = 0;

export function startPeek() {
  document.addEventListener("pointerover", ({ target, pointerType }) => pointerType !== "touch" && point(target));
  document.documentElement.addEventListener("pointerleave", () => point(null));
  document.addEventListener("focusin", ({ target }) => {
    left = null;
    if (target.matches(":focus-visible")) show(target.closest(ROW));
  });
  document.addEventListener("focusout", ({ target }) => shown?.contains(target) && hide());
  document.addEventListener("keydown", (event) => event.key === "Escape" && shown && close());
  document.addEventListener("scroll", () => shown && place(), { capture: true, passive: true });
  window.addEventListener("resize", () => shown && place());
  for (const name of ["assent:listed", "assent:morphed"]) document.addEventListener(name, () => shown && show(shown));
}

/** The pointer has moved onto an element; null: out of the window. */
function point(element) {
  if (panel?.contains(element)) {
    clearTimeout(timer);
    return;
  }
  const row = element?.closest?.(ROW) ?? null;
  if (row !== left) left = null;
  clearTimeout(timer);
  if (row === shown) return;
  if (row && row !== left && isRoom(row)) timer = setTimeout(() => show(row), shown ? LEAVE : REST);
  else if (shown && !hasFocus(shown)) timer = setTimeout(hide, LEAVE);
}

function hasFocus(row) {
  return row.contains(document.activeElement) && document.activeElement.matches(":focus-visible");
}

function close() {
  left = shown;
  hide();
}

function hide() {
  clearTimeout(timer);
  shown = null;
  if (panel) panel.hidden = true;
}

function show(row) {
  clearTimeout(timer);
  if (!row?.isConnected || row === left) {
    hide();
    return;
  }
  shown = row;
  if (!panel?.isConnected) panel = document.body.appendChild(made());
  panel.replaceChildren(
    line("t", row.querySelector(".t bdi")),
    line("m", row.querySelector(".m")),
    line("when", row.querySelector(".left"), " · ", row.querySelector(".when")),
    line("extra", row.querySelector(".extra")),
  );
  for (const mark of panel.querySelectorAll(".not-read")) mark.remove(); // it is said in words
  panel.hidden = false;
  panel.scrollTop = 0;
  place();
}

function made() {
  const element = document.createElement("div");
  element.className = "peek";
  element.hidden = true;
  element.setAttribute("aria-hidden", "true"); // the same text is read out with the row
  return element;
}

/** A line with what is in these elements of the row. */
function line(name, ...parts) {
  const made = document.createElement("p");
  made.className = name;
  made.dir = "auto";
  for (const part of parts) made.append(...(part?.childNodes ? [...part.cloneNode(true).childNodes] : [part ?? ""]));
  return made;
}

/** True if there is room beside the row, so that a mouse on its way down the list meets nothing. */
function isRoom(row) {
  return innerWidth - row.getBoundingClientRect().right > panelWidth() + EDGE;
}

function panelWidth() {
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.min(24 * size, innerWidth - 2 * size);
}

/** Beside the row, else below it, else above it. A row that was scrolled out of sight has nothing beside it. */
function place() {
  const row = shown.getBoundingClientRect();
  const frame = shown.closest(".scroll").getBoundingClientRect();
  if (!shown.isConnected || row.bottom <= Math.max(frame.top, 0) || row.top >= Math.min(frame.bottom, innerHeight)) {
    hide();
    return;
  }
  const beside = isRoom(shown);
  const { width, height } = panel.getBoundingClientRect();
  const below = row.bottom + height + EDGE <= innerHeight ? row.bottom : row.top - height;
  const top = beside ? Math.min(row.top, innerHeight - height - EDGE) : below;
  const start = beside ? row.right : Math.min(row.left, innerWidth - width - EDGE);
  panel.style.top = `${Math.max(top, EDGE)}px`;
  panel.style.left = `${Math.max(start, EDGE)}px`;
}
