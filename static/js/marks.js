// Marked requests. Marks outlive the page in this tab, so that one can go through the queue, filter it, and come back.

const KEY = "assent-marked";
const MOST = 50; // as many as one act takes

let marked = new Set(); // ids

export function startMarks() {
  marked = read();
  const done = document.querySelector("[data-unmark]")?.dataset.unmark.split(" ") ?? [];
  for (const id of done) marked.delete(id);
  if (done.length) keep(marked);
  show();
  for (const name of ["assent:listed", "assent:morphed"]) document.addEventListener(name, show);
  document.addEventListener("change", (event) => event.target.matches(".mark-box") && set(event.target));
  document.addEventListener("submit", (event) => event.target.id === "queue-marked" && complete(event.target));
  window.addEventListener("pageshow", show);
}

function set(box) {
  if (!box.checked) marked.delete(box.value);
  else if (marked.size < MOST) marked.add(box.value);
  keep(marked);
  show();
}

function keep(ids) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...ids]));
  } catch {
    // A browser that keeps nothing: the marks hold on this page.
  }
}

function read() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Set();
  }
}

function show() {
  const button = document.getElementById("marked-go");
  if (!button) return;
  // The list may have thousands of rows; at most so many are marked.
  for (const box of document.querySelectorAll("#queue-rows .mark-box:checked")) {
    if (!marked.has(box.value)) box.checked = false;
  }
  let here = 0;
  for (const id of [...marked]) {
    const row = document.getElementById(`row-${id}`);
    // What no longer waits cannot be decided, with others or alone.
    if (row?.classList.contains("gone") && marked.delete(id)) keep(marked);
    const box = row?.querySelector(".mark-box");
    if (!box || !marked.has(id)) continue;
    if (!box.checked) box.checked = true;
    here += 1;
  }
  const elsewhere = marked.size - here;
  const words = marked.size ? `Decide on ${marked.size} selected` : "Decide on selected";
  const most = marked.size === MOST ? ", the most at once" : "";
  button.textContent = `${words}${most}${elsewhere ? `, ${elsewhere} of them not shown` : ""}`;
  button.form.hidden = !marked.size;
}

/** Marks of rows that are not on the page go along. */
function complete(form) {
  for (const input of form.querySelectorAll("input[type=hidden]")) input.remove();
  for (const id of marked) {
    if (document.querySelector(`#row-${CSS.escape(id)} .mark-box`)) continue;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "request", value: id }));
  }
}
