// A field for code becomes an editor when a person goes to edit it; until then none of the editor is loaded.
//
// The field stays the truth: the editor writes into it, it goes with the form, and without the editor (no script, a
// file that could not be fetched) the field is what one edits.

const FIELD = "textarea.code-edit";
const LONGEST = 200_000; // characters; comparing longer texts at each key would be felt
let editor = null; // the module, once asked for

export function startEditing() {
  document.addEventListener("toggle", (event) => event.target.open && openIn(event.target), true);
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(FIELD)) open(event.target);
  });
  // What was fetched again brings its fields back as they are.
  document.addEventListener("assent:morphed", openAll);
  openAll();
}

/** The editors show what the fields hold, after something else than a person wrote into these. */
export function refillEditors() {
  document.dispatchEvent(new Event("assent:refilled"));
}

function openAll() {
  for (const details of document.querySelectorAll("details[open]")) openIn(details);
}

function openIn(details) {
  for (const field of details.querySelectorAll(`${FIELD}[data-language]`)) {
    if (field.closest("details") === details && field.dataset.language !== "json") open(field);
  }
}

async function open(field) {
  if (field.value.length > LONGEST) return;
  if (field.dataset.editor || field.readOnly || field.disabled || !field.dataset.language) return;
  field.dataset.editor = "loading";
  try {
    editor ??= import("./editor.js");
    const { mount } = await editor;
    if (!field.isConnected) return;
    // Somebody who is in the field already goes on in the editor, wherever they came from and whatever they have selected.
    const had = document.activeElement === field;
    const { selectionStart, selectionEnd } = field;
    const view = mount(field);
    field.dataset.editor = "open";
    document.getElementById(`${field.id}-plain`)?.remove();
    if (had) {
      const within = (at) => Math.min(at, view.state.doc.length);
      view.focus();
      view.dispatch({ selection: { anchor: within(selectionStart), head: within(selectionEnd) } });
    }
  } catch (error) {
    editor = null; // asked for again at the next opening
    delete field.dataset.editor;
    sayPlain(field);
    console.info("The editor could not be loaded; using the plain field.", error);
  }
}

/** Without the editor nothing is lost but its comfort; a portal that was brought up to date has another one by now. */
function sayPlain(field) {
  if (document.getElementById(`${field.id}-plain`)) return;
  const said = document.createElement("p");
  said.className = "help";
  said.id = `${field.id}-plain`;
  said.setAttribute("role", "status");
  said.textContent = "The editor could not be loaded. Use this plain field, or reload the page to try again; your text is kept.";
  field.after(said);
}
