// Colors of code that is read. Loaded by coloring.js.
//
// The text stays as it is: the browser paints ranges of it, so marks of hidden characters, places of findings, and what
// is fetched again keep their elements. Reading and painting a long text is done in slices, between which the page has
// its turn; what is folded away is painted when it is opened.

import { highlightTree, tagHighlighter } from "@lezer/highlight";

import { KINDS, languageOf } from "./languages.js";

const LONGEST = 200_000; // characters of one text
const MOST = 600_000; // of all texts of a page
const PART = 8_000; // characters that are painted before the clock is looked at
const SLICE = 10; // ms
const EMPTY = "\u200b"; // what an empty line holds, so that it has a height
const kinds = tagHighlighter(
  Object.entries(KINDS).flatMap(([name, tags]) => tags.map((tag) => ({ tag, class: `code-${name}` }))),
);
let turn = 0; // of the newest painting, which ends those before it
let since = 0;

/** Paint all code of the page that is unfolded. */
export async function paint() {
  const mine = ++turn;
  since = performance.now();
  const painted = new Map(Object.keys(KINDS).map((name) => [`code-${name}`, new Highlight()]));
  const first = !CSS.highlights.size;
  if (first) show(painted);
  let left = MOST;
  for (const block of document.querySelectorAll("[data-colors]")) {
    const language = languageOf(block.dataset.colors, block.dataset.dialect);
    if (!language || isFolded(block)) continue;
    left -= await paintBlock(block, language.language ?? language, painted, mine, left);
    if (mine !== turn) return;
  }
  if (!first) show(painted);
}

function show(painted) {
  for (const [name, ranges] of painted) CSS.highlights.set(name, ranges);
}

/** True if it is inside of something closed; the summary of that is always to be seen. */
function isFolded(block) {
  const details = block.closest("details:not([open])");
  return Boolean(details) && !block.closest("summary");
}

/** Give the page its turn if it has waited for long. */
async function breathe() {
  if (performance.now() - since < SLICE) return;
  await (globalThis.scheduler?.yield?.() ?? new Promise((done) => setTimeout(done)));
  since = performance.now();
}

/** Returns the number of characters that were read. */
async function paintBlock(block, { parser }, painted, mine, most) {
  const lines = (block.matches(".lines") ? [...block.querySelectorAll(".ln > span")] : [block]).map(piecesOf);
  let length = 0;
  for (const line of lines) {
    line.from = length;
    length += line.text.length + 1;
  }
  if (length > Math.min(LONGEST, most)) return 0;
  const reading = parser.startParse(lines.map((line) => line.text).join("\n"));
  let tree = null;
  while (!(tree = reading.advance())) {
    await breathe();
    if (mine !== turn) return length;
  }
  let first = 0; // the line of the last range; ranges come in order
  for (let start = 0; start < length; start += PART) {
    const put = (from, to, names) => {
      const ranges = painted.get(names.split(" ").pop());
      while (first < lines.length - 1 && lines[first + 1].from <= from) first += 1;
      for (let at = first; at < lines.length && lines[at].from < to; at += 1) {
        addRange(ranges, lines[at], Math.max(from, lines[at].from), Math.min(to, lines[at].from + lines[at].text.length));
      }
    };
    highlightTree(tree, kinds, put, start, start + PART);
    await breathe();
    if (mine !== turn) return length;
  }
  return length;
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
