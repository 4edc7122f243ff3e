// How long the open request has been in view. It goes with a decision, so that the queue can say how long a review takes.

let request = "";
let before = 0; // ms in view, until the tab was last hidden
let since = 0; // when it came into view again; 0 while it is hidden

export function startViewed() {
  watch();
  document.addEventListener("visibilitychange", watch);
  document.addEventListener("assent:morphed", watch);
  document.addEventListener("formdata", ({ target, formData }) => {
    if (target.id === "decide") formData.set("read_seconds", String(Math.round(inView() / 1000)));
  });
}

function watch() {
  const open = document.getElementById("decision")?.dataset.request ?? "";
  if (open !== request) {
    request = open;
    before = 0;
    since = 0;
  }
  if (document.hidden) {
    before = inView();
    since = 0;
  } else since ||= performance.now();
}

function inView() {
  return before + (since && performance.now() - since);
}
