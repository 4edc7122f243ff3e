// A page that hears nothing any more says so, and since when, until it has caught up with what it missed.

import { words } from "./times.js";

const PATIENCE = 1500; // ms; shorter breaks, such as a page that is being left, are not worth a word

let since = null; // the last moment at which the page heard; null while it hears
let timer = 0;

export function startConnection(socket) {
  socket.on("disconnect", (reason) => reason !== "io client disconnect" && isAway());
  socket.on("connect_error", (error) => {
    if (error.message === "not_signed_in") isSignedOut();
    else if (error.message === "cross_origin") isStrange();
    else isAway();
  });
  window.addEventListener("offline", isAway);
  // By itself the library would wait for the end of its pause, up to 5 s.
  window.addEventListener("online", () => (socket.connected ? hasCaughtUp() : socket.disconnect().connect()));
}

/** Nothing is missing any more. */
export function hasCaughtUp() {
  since = null;
  say();
  window.dispatchEvent(new Event("assent:connected"));
}

/** True while there is reason to believe that the portal cannot be reached. */
export function isDoubtful() {
  return since !== null || !navigator.onLine;
}

function isAway() {
  since ??= new Date();
  timer ||= setTimeout(() => say(`Not connected since ${words(since, "short")}. Reconnecting …`), PATIENCE);
}

function isSignedOut() {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Sign in again";
  say("You are signed out. ", link);
}

function isStrange() {
  say(`This page does not update by itself: the portal does not know the address ${location.origin}. `
    + "The operator has to set ASSENT_BASE_URL to it.");
}

function say(...parts) {
  clearTimeout(timer);
  timer = 0;
  const box = document.createElement("p");
  box.append(...parts);
  const shown = document.getElementById("connection");
  // What is said already is not said again at each try: screen readers would read it out each time.
  if (shown && shown.innerHTML !== box.innerHTML) shown.replaceChildren(...box.childNodes);
}
