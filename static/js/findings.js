// Findings in the editor: a sign in its margin, and the words behind the line. Both go when their line is changed.

import { forEachDiagnostic, setDiagnostics } from "@codemirror/lint";
import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";

const SEVERITY = {
  safe: "info", low: "info", medium: "warning", high: "error", critical: "error", // the portal's
  info: "info", warning: "warning", error: "error", // reported by the agent
};
const WORDS = { safe: "Safe", low: "Low risk", medium: "Medium risk", high: "High risk", critical: "Critical risk" };
const REPORTED = { info: "Note", warning: "Warning", error: "Error" };
const setNotes = StateEffect.define();

class Note extends WidgetType {
  constructor({ severity, message, unread, suggestion }) {
    super();
    const reported = Object.hasOwn(REPORTED, severity);
    this.severity = reported ? `agent ${severity}` : severity;
    this.unread = Boolean(unread);
    const level = reported ? `${REPORTED[severity]}, reported by the agent` : WORDS[severity] ?? severity;
    this.words = [`${level}: ${message}`, suggestion, unread && "Not understood."].filter(Boolean).join(" ");
  }

  eq(other) {
    return other.words === this.words;
  }

  toDOM() {
    const note = document.createElement("span");
    note.className = `note ${this.severity}${this.unread ? " unread" : ""}`;
    note.textContent = this.words;
    return note;
  }
}

const notes = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    let kept = marks.map(transaction.changes);
    for (const [from, to] of changedLines(transaction)) {
      kept = kept.update({ filterFrom: from, filterTo: to, filter: () => false });
    }
    for (const effect of transaction.effects) if (effect.is(setNotes)) kept = Decoration.set(effect.value, true);
    return kept;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const forgetting = EditorView.updateListener.of(({ docChanged, state, transactions, view }) => {
  if (!docChanged) return;
  const changed = transactions.flatMap(changedLines);
  const kept = [];
  let gone = false;
  forEachDiagnostic(state, (diagnostic, from, to) => {
    if (changed.some(([begin, end]) => from <= end && to >= begin)) gone = true;
    else kept.push({ ...diagnostic, from, to });
  });
  if (gone) view.dispatch(setDiagnostics(view.state, kept));
});

/** What an editor needs to show findings. */
export const findingNotes = [notes, forgetting];

/** Show the findings at their lines. */
export function noteFindings(view, found) {
  if (!found.length) return;
  const { doc } = view.state;
  const at = found.map(({ line }) => doc.line(Math.min(Math.max(line, 1), doc.lines)));
  const signs = found.map(({ severity, message, rule }, index) => ({
    from: at[index].from, to: at[index].to, severity: SEVERITY[severity] ?? "info", message, source: rule,
  }));
  const words = found.map((one, index) => Decoration.widget({ widget: new Note(one), side: 1 }).range(at[index].to));
  view.dispatch(setDiagnostics(view.state, signs));
  view.dispatch({ effects: setNotes.of(words) });
}

/** The first and last place of the lines that a transaction has changed. */
function changedLines(transaction) {
  const lines = [];
  transaction.changes.iterChangedRanges((_fromA, _toA, from, to) => {
    lines.push([transaction.newDoc.lineAt(from).from, transaction.newDoc.lineAt(to).to]);
  });
  return lines;
}
