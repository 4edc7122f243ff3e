// Enter sends a field for one short text; Shift+Enter begins a new line, and so does Enter where no script runs.

export function startEnter() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    if (!event.target.matches?.("textarea[data-enter]")) return;
    event.preventDefault();
    if (!event.repeat) event.target.form.requestSubmit();
  });
}
