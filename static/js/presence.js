// Who else looks at this request now, and who edits it, as its live room tells; and telling whether one does so oneself.

import { person } from "./kept.js";
import { isEditing } from "./meanwhile.js";

let people = [];
let socket = null;
let told = false; // that this person edits

/** Take what the server told: the people at the request of this page, each `{id, name, editing}`. */
export function showPeople(message) {
  if (message?.request_id !== requestId()) return;
  people = message.people ?? [];
  draw();
}

/** The facts were fetched again, without the people: the server draws the same facts for everybody. */
export function startPresence(connected) {
  socket = connected;
  document.addEventListener("assent:morphed", draw);
  for (const name of ["input", "change", "focusin", "focusout", "assent:morphed"]) document.addEventListener(name, tellSoon);
}

/** The socket has joined the request's room; at first, people only look. */
export function hasJoined() {
  told = false;
  tell();
}

let timer = 0;

function tellSoon() {
  clearTimeout(timer);
  timer = setTimeout(tell, 100);
}

function tell() {
  const editing = isEditing();
  if (!requestId() || !socket?.connected || editing === told) return;
  told = editing;
  socket.emit("edit_request", { request_id: requestId(), editing });
}

function requestId() {
  return document.getElementById("decision")?.dataset.request;
}

function draw() {
  const place = document.getElementById("present");
  if (!place) return;
  const me = person();
  const others = people.filter(({ id }) => id !== me);
  const words = others.map(({ name, editing }) => (editing ? `${name} (editing)` : name)).join(", ");
  if (place.textContent !== words) place.textContent = words;
  place.closest("section").hidden = !others.length;
}
