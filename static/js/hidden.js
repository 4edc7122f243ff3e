// Characters that a reader would not see, made visible, as app/domain/hidden_characters.py does on the server.

/** The same set, by property instead of by table, with spaces that pass for the space. */
export const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0d\u{e0100}-\u{e01ef}]/gu;

/** The mark that stands for a character. */
export function markOf(code) {
  const mark = document.createElement("span");
  mark.className = "ctl";
  mark.textContent = `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  return mark;
}

/** A text as nodes, with marks for what is hidden; line ends and tabs stay. */
export function visible(text) {
  const nodes = document.createDocumentFragment();
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found[0] === "\n" || found[0] === "\t") continue;
    nodes.append(text.slice(from, found.index), markOf(found[0].codePointAt(0)));
    from = found.index + found[0].length;
  }
  nodes.append(text.slice(from));
  return nodes;
}

/** Mark what is hidden in the texts under a node. */
export function markIn(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) if (text.data.search(HIDDEN) >= 0 && !text.parentElement.matches(".ctl")) text.replaceWith(visible(text.data));
}
