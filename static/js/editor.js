// The editor for code: CodeMirror, with what differs from the proposal shown as one types. Loaded by editing.js.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter } from "@codemirror/lint";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";

import { findingNotes, noteFindings } from "./findings.js";
import { HIDDEN, markIn, markOf } from "./hidden.js";
import { KINDS, languageOf } from "./languages.js";

const SIDE_BY_SIDE = 760; // px; narrower than that, both texts stand in one
const colours = HighlightStyle.define([
  { tag: KINDS.word, color: "var(--code-word)", fontWeight: "600" },
  { tag: KINDS.text, color: "var(--code-text)" },
  { tag: KINDS.value, color: "var(--code-value)" },
  { tag: KINDS.comment, color: "var(--ink-2)", fontStyle: "italic" },
]);

// The editor's own style sheet stands outside of our layers and would win over them, so these join it.
const look = EditorView.theme({
  "&": { backgroundColor: "var(--sheet)", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { font: "var(--text-m) / 1.6 var(--mono)" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--ink-3)", borderRight: "1px solid var(--line)" },
  ".cm-insertedLine, &.cm-merge-b .cm-changedLine, .cm-inlineChangedLine": { backgroundColor: "var(--add)" },
  ".cm-changedLine": { backgroundColor: "var(--add)" },
  ".cm-deletedChunk, &.cm-merge-a .cm-changedLine": { backgroundColor: "var(--del)" },
  ".cm-changedText, .cm-deletedText, .cm-deletedChunk .cm-deletedText": {
    background: "none", textDecoration: "underline", textDecorationThickness: "2px",
  },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--line-2)" },
  ".cm-collapsedLines": { background: "var(--sunk)", color: "var(--ink-2)" },
});

// Where text is typed over a selection, Chromium would write the old colours as a style into the page, which the policy
// refuses and reports.
const typedOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || !event.data) return false;
    // The page's own selection: the editor may not have heard of it yet.
    const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = document.getSelection();
    if (isCollapsed || !view.contentDOM.contains(anchorNode) || !view.contentDOM.contains(focusNode)) return false;
    const [from, to] = [view.posAtDOM(anchorNode, anchorOffset), view.posAtDOM(focusNode, focusOffset)].sort(
      (one, other) => one - other,
    );
    view.dispatch({
      changes: { from, to, insert: event.data },
      selection: { anchor: from + event.data.length },
      userEvent: "input.type",
      scrollIntoView: true,
    });
    return true;
  },
});

/** Put an editor in the place of a text area. Returns its view. */
export function mount(field) {
  const host = document.createElement("div");
  host.className = "editor";
  field.before(host);
  const label = field.labels?.[0]?.textContent.trim() || "Code";
  const hint = document.createElement("p");
  hint.className = "help editor-hint";
  hint.id = `${field.id}-keys`;
  hint.textContent = "Press Tab to leave the editor. Differences from the proposal are marked as you type.";
  const described = [hint.id, field.getAttribute("aria-describedby")].filter(Boolean).join(" ");
  const invalid = field.getAttribute("aria-invalid");
  const named = EditorView.contentAttributes.of({
    "aria-label": label, "aria-describedby": described, ...(invalid && { "aria-invalid": invalid }),
  });
  const writing = EditorView.updateListener.of((update) => update.docChanged && writeBack(field, update.state.doc));
  const proposed = field.dataset.proposed ?? field.defaultValue;
  const keys = keymap.of([...defaultKeymap, ...historyKeymap]);
  const own = [...common(field), findingNotes, typedOver, history(), keys, named, writing];
  const view =
    host.clientWidth >= SIDE_BY_SIDE
      ? sideBySide(host, field.value, proposed, own, common(field))
      : unified(host, field.value, proposed, own);
  host.append(hint);
  field.hidden = true;
  // Findings are about the text that the page was sent with, not about what was typed since.
  if (field.value === field.defaultValue) noteFindings(view, JSON.parse(field.dataset.findings || "[]"));
  document.addEventListener("assent:refilled", () => take(view, field));
  return view;
}

function sideBySide(host, text, proposed, own, base) {
  host.append(heading("Proposed", "Your edit"));
  const label = EditorView.contentAttributes.of({ "aria-label": "Proposed", tabindex: "0" });
  return new MergeView({
    a: { doc: proposed, extensions: [...base, EditorState.readOnly.of(true), EditorView.editable.of(false), label] },
    b: { doc: text, extensions: own },
    parent: host,
    // Somebody who begins to edit sees the whole text; afterwards, what differs.
    ...(text !== proposed && { collapseUnchanged: { margin: 4, minSize: 12 } }),
  }).b;
}

function unified(host, text, proposed, own) {
  host.append(heading("Your edit, with what you took out of the proposal"));
  const merge = unifiedMergeView({ original: proposed, mergeControls: false, syntaxHighlightDeletions: false });
  const marking = EditorView.updateListener.of((update) => markDeleted(update.view));
  const view = new EditorView({ doc: text, extensions: [...own, merge, marking], parent: host });
  markDeleted(view);
  return view;
}

/** What stands below, side by side. */
function heading(...words) {
  const line = document.createElement("div");
  line.className = "editor-sides";
  for (const word of words) line.append(Object.assign(document.createElement("span"), { textContent: word }));
  return line;
}

/** What was deleted is drawn by the merge view, which shows its characters as they are. */
function markDeleted(view) {
  for (const chunk of view.contentDOM.querySelectorAll(".cm-deletedChunk:not([data-marked])")) {
    chunk.dataset.marked = "";
    markIn(chunk);
  }
}

function common(field) {
  return [
    EditorView.cspNonce.of(document.querySelector("script[nonce]")?.nonce ?? ""),
    look,
    lineNumbers(),
    highlightSpecialChars({ specialChars: HIDDEN, render: markOf }),
    lintGutter(),
    bracketMatching(),
    syntaxHighlighting(colours),
    EditorView.lineWrapping,
    languageOf(field.dataset.language, field.dataset.dialect) ?? [],
  ];
}

function writeBack(field, doc) {
  field.value = doc.toString();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function take(view, field) {
  if (!field.isConnected || view.state.doc.toString() === field.value) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: field.value } });
}
