// Colors of code that is read. Loaded by coloring.js.
//
// The text stays as it is: the browser paints ranges of it, so marks of hidden characters, places of findings, and what
// is fetched again keep their elements.

import { highlightTree, tagHighlighter } from "@lezer/highlight";

import { KINDS, languageOf } from "./languages.js";

const LONGEST = 200_000; // characters
const EMPTY = "\u200b"; // what an empty line holds, so that it has a height
const kinds = tagHighlighter(
  Object.entries(KINDS).flatMap(([name, tags]) => tags.map((tag) => ({ tag, class: `code-${name}` }))),
);

/** Paint all code of the page. */
export function paint() {
  const painted = new Map(Object.keys(KINDS).map((name) => [`code-${name}`, new Highlight()]));
  for (const block of document.querySelectorAll("[data-colors]")) {
    const language = languageOf(block.dataset.colors, block.dataset.dialect);
    if (language) paintBlock(block, language.language ?? language, painted);
  }
  for (const [name, ranges] of painted) CSS.highlights.set(name, ranges);
}

function paintBlock(block, { parser }, painted) {
  const lines = (block.matches(".lines") ? [...block.querySelectorAll(".ln > span")] : [block]).map(piecesOf);
  let length = 0;
  for (const line of lines) {
    line.from = length;
    length += line.text.length + 1;
  }
  if (length > LONGEST) return;
  let first = 0; // the line of the last range; ranges come in order
  highlightTree(parser.parse(lines.map((line) => line.text).join("\n")), kinds, (from, to, names) => {
    const ranges = painted.get(names.split(" ").pop());
    while (first < lines.length - 1 && lines[first + 1].from <= from) first += 1;
    for (let at = first; at < lines.length && lines[at].from < to; at += 1) {
      addRange(ranges, lines[at], Math.max(from, lines[at].from), Math.min(to, lines[at].from + lines[at].text.length));
    }
  });
}

/** The text of a line, with the nodes that hold it. */
function piecesOf(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const pieces = [];
  let text = "";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.data === EMPTY) continue;
    pieces.push({ node, from: text.length });
    text += node.data;
  }
  return { text, pieces, from: 0 };
}

function addRange(ranges, line, from, to) {
  for (const { node, from: start } of line.pieces) {
    const begin = Math.max(from - line.from - start, 0);
    const end = Math.min(to - line.from - start, node.length);
    if (begin >= end) continue;
    ranges.add(new StaticRange({ startContainer: node, startOffset: begin, endContainer: node, endOffset: end }));
  }
}
