// Characters that a reader would not see, made visible, as app/domain/hidden_characters.py does on the server.

/** The same set, by property instead of by table, with spaces that pass for the space. */
export const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0d\u{e0100}-\u{e01ef}]/gu;

/** Joiners that show in prose: between emoji, after a virama, and between letters that would join, as in Persian. */
const NEEDED = new RegExp(
  [
    "(?<=[\\u2190-\\u2bff\\u{1f000}-\\u{1faff}][\\ufe0f\\u{1f3fb}-\\u{1f3ff}]{0,2})\\u200d(?=[\\u2190-\\u2bff\\u{1f000}-\\u{1faff}])",
    "(?<=[\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d3b\\u0d3c\\u0d4d\\u0dca\\u0f84\\u1039\\u103a\\u17d2\\u1b44\\ua9c0])[\\u200c\\u200d]",
    "(?<=[\\p{sc=Arabic}\\p{sc=Syriac}\\p{sc=Nko}\\p{sc=Mandaic}]\\p{Mn}*)(?<![\\u0621-\\u0625\\u0627\\u0629\\u062f-\\u0632\\u0648\\u0671-\\u0677\\u0688-\\u0699\\u06c0-\\u06cb\\u06cd\\u06cf\\u06d2-\\u06d5]\\p{Mn}*)" +
      "\\u200c(?=\\p{Mn}*[\\p{sc=Arabic}\\p{sc=Syriac}\\p{sc=Nko}\\p{sc=Mandaic}])",
  ].join("|"),
  "gu",
);

/** The mark that stands for a character. */
export function markOf(code) {
  const mark = document.createElement("span");
  mark.className = "ctl";
  mark.textContent = `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  return mark;
}

/** Where a text has hidden characters; in code, joiners always are. Line ends and tabs are not. */
export function hiddenIn(text, code = false) {
  const needed = new Set(code ? [] : [...text.matchAll(NEEDED)].map((found) => found.index));
  return [...text.matchAll(HIDDEN)].filter(({ 0: char, index }) => char !== "\n" && char !== "\t" && !needed.has(index));
}

/** A text as nodes, with marks for what is hidden. */
export function visible(text, code = false) {
  const nodes = document.createDocumentFragment();
  let from = 0;
  for (const found of hiddenIn(text, code)) {
    nodes.append(text.slice(from, found.index), markOf(found[0].codePointAt(0)));
    from = found.index + found[0].length;
  }
  nodes.append(text.slice(from));
  return nodes;
}

/** Mark what is hidden in the code under a node. */
export function markIn(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) if (text.data.search(HIDDEN) >= 0 && !text.parentElement.matches(".ctl")) text.replaceWith(visible(text.data, true));
}
