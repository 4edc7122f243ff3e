// The queue, kept true without moving a row under the pointer: rows change in place, what is new above is announced on
// a button, and rows that have left stay where they are, marked, while somebody points at the list.

import { morph } from "./morph.js";

let waiting = null; // the newest list that has not been shown yet

export async function mergeList(list, fresh) {
  const rows = list.querySelector("#queue-rows");
  const freshRows = fresh.querySelector("#queue-rows");
  await morph(list.querySelector("#queue-count"), fresh.querySelector("#queue-count"));
  if (!rows.children.length || !freshRows.children.length) {
    await showAll(list, fresh);
    return;
  }
  const before = new Map([...rows.children].map((row) => [row.id, row]));
  const after = new Map([...freshRows.children].map((row) => [row.id, row]));
  const kept = [...after.keys()].filter((id) => before.has(id) && !before.get(id).classList.contains("gone"));
  for (const id of kept) await morph(before.get(id), after.get(id));
  const pointed = rows.matches(":hover") || rows.contains(document.activeElement);
  for (const [id, row] of before) {
    if (!after.has(id)) leave(row, pointed);
  }
  const added = [...after.keys()].filter((id) => !before.has(id));
  const last = kept.length ? [...after.keys()].indexOf(kept.at(-1)) : -1;
  const below = added.filter((id) => [...after.keys()].indexOf(id) > last);
  for (const id of below) rows.append(document.importNode(after.get(id), true));
  const above = added.length - below.length;
  const reordered = !above && !sameOrder([...before.keys()].filter((id) => after.has(id)), kept);
  offer(list, fresh, above, reordered);
}

function leave(row, pointed) {
  if (!pointed) {
    row.remove();
    return;
  }
  row.classList.add("gone");
  const left = row.querySelector(".left");
  if (left) left.textContent = "no longer waits";
}

function sameOrder(one, other) {
  return one.length === other.length && one.every((id, at) => id === other[at]);
}

function offer(list, fresh, above, reordered) {
  const button = list.querySelector("#queue-fresh");
  waiting = above || reordered ? fresh : null;
  button.hidden = !waiting;
  button.textContent = above ? `${above} new ${above === 1 ? "request" : "requests"}` : "The order has changed: show it";
  button.onclick = async () => {
    const newest = waiting;
    if (newest) await showAll(list, newest);
    list.querySelector("#queue-rows a")?.focus();
  };
}

async function showAll(list, fresh) {
  waiting = null;
  await morph(list, fresh);
}
