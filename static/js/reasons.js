// A prepared reason fills in the comment, where it can be edited. Choosing another one replaces it as long as it is as it was.

let filled = ""; // what the last choice put into the comment

export function startReasons() {
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("select[data-prepared]")) fill(event.target);
  });
}

function fill(select) {
  const comment = document.getElementById("f-comment");
  // The choice itself is no edit: only what is in the comment is sent.
  for (const option of select.options) option.defaultSelected = option.selected;
  const typed = comment.value.trim();
  const kept = typed && typed !== filled.trim() ? `${comment.value.trimEnd()}\n` : "";
  filled = select.value;
  comment.value = filled ? kept + filled : kept.trimEnd();
  comment.dispatchEvent(new Event("input", { bubbles: true }));
}
