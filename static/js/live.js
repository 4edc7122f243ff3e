// Open pages tell the truth by themselves: events name what has changed, and the page fetches those regions again.
//
// A region is an element with an id, `data-live` (topics it depends on), `data-live-src` (where it is fetched) and
// perhaps `data-live-mode`: `list` never moves a row under the pointer, `edited` never loses what a person is
// writing, and never replaces the proposal that a person is about to decide on.

import { io } from "socket.io-client";

import { hasCaughtUp, startConnection } from "./connection.js";
import { mergeList } from "./list.js";
import { isCommenting } from "./comments.js";
import { clearNotice, closeDecision, isEditing, isWriting } from "./meanwhile.js";
import { morph } from "./morph.js";
import { keepUnfolded } from "./nav.js";
import { hasJoined, showPeople, startPresence } from "./presence.js";
import { localise } from "./times.js";

const FIRST_WAIT = 80; // ms; gathers a burst into one fetch
const LEAST_PAUSE = 500; // ms between two fetches of one address
const RETRY = 1000; // ms after a fetch that failed; doubled each time
const LONGEST_RETRY = 5000;
const SEEN = 2000;

let position = 0;
const seen = new Set();
let followed = new Set(); // ids of runs whose events come to this page
const pending = new Map(); // address -> state of its fetching

export function startLive() {
  const meta = document.querySelector('meta[name="assent-seq"]');
  if (!document.querySelector("[data-live]")) return;
  position = Number(meta?.content ?? 0);
  // Some networks and proxies pass no WebSockets on. Polling works with one web process behind an address only.
  const socket = io({ transports: ["websocket", "polling"], tryAllTransports: true, closeOnBeforeunload: true });
  for (const name of ["new_approval_request", "approval_update", "workflow_update"]) {
    socket.on(name, (event) => take(event));
  }
  document.addEventListener("assent:touch", ({ detail }) => touch(detail));
  socket.on("events_lost", refreshAll);
  socket.on("presence", showPeople);
  startPresence(socket);
  startConnection(socket);
  socket.on("connect", () => join(socket));
  document.addEventListener("assent:morphed", () => socket.connected && follow(socket));
  socket.on("connect_error", (error) => {
    if (error.message === "not_signed_in") refreshAll();
  });
  // The server put this page out: its session has ended, or this browser has got a new one.
  socket.on("disconnect", (reason) => reason === "io server disconnect" && socket.connect());
  // A page from the browser's store, or one that slept, may be old.
  window.addEventListener("pageshow", (event) => event.persisted && refreshAll());
}

/** Follow the runs that the page shows now, and no longer those that it does not. */
function follow(socket) {
  const wanted = new Set([...topics()].map(split).flatMap(([kind, id]) => (kind === "run" ? [id] : [])));
  for (const id of wanted) if (!followed.has(id)) socket.emit("join_workflow", { workflow_id: id });
  for (const id of followed) if (!wanted.has(id)) socket.emit("leave_workflow", { workflow_id: id });
  followed = wanted;
}

async function join(socket) {
  const wanted = topics();
  followed = new Set();
  follow(socket);
  for (const topic of wanted) {
    const [kind, id] = split(topic);
    if (kind === "request") {
      socket.emit("join_request", { request_id: id }, (answer) => {
        showPeople(answer);
        hasJoined();
      });
    }
  }
  // Rooms first, then what was missed: what happens in between comes twice, and ids tell.
  if (!position) {
    hasCaughtUp();
    return;
  }
  socket.emit("catch_up", { after: position }, (answer) => {
    if (answer?.ok && answer.complete) {
      for (const { data } of answer.events) take(data);
      position = Math.max(position, answer.seq ?? 0);
    } else {
      // After a restore, the portal's position can be lower than that of this page.
      position = answer?.seq ?? position;
      refreshAll();
    }
    hasCaughtUp();
  });
}

function split(topic) {
  const at = topic.indexOf(":");
  return at < 0 ? [topic, ""] : [topic.slice(0, at), topic.slice(at + 1)];
}

function topics() {
  return new Set([...document.querySelectorAll("[data-live]")].flatMap((region) => region.dataset.live.split(/\s+/)));
}

function take(event) {
  if (event.id !== undefined) {
    if (seen.has(event.id)) return;
    seen.add(event.id);
    if (seen.size > SEEN) seen.delete(seen.values().next().value);
  }
  if (event.seq) position = Math.max(position, event.seq);
  touch(topicsOf(event));
  if (event.request_id && event.kind !== "request.comment") {
    document.dispatchEvent(new CustomEvent("assent:request", { detail: event.request_id }));
  }
}

/** The topics an event is about. Steps concern their run only; the lists change with states. */
function topicsOf(event) {
  const touched = [];
  const kind = event.kind ?? "";
  // About once a second while a step reports: only the region that shows it is fetched.
  if (kind === "run.progress") return [`progress:${event.run_id}`];
  if (event.request_id) touched.push(`request:${event.request_id}`);
  if (event.run_id) touched.push(`run:${event.run_id}`);
  // A comment changes no list, unless it brings back what the person has snoozed.
  const returns = kind === "request.comment" && document.querySelector("#nav[data-returns]");
  if (kind.startsWith("request.") && (kind !== "request.comment" || returns)) touched.push("queue");
  if (kind === "run.changed") touched.push("runs");
  if (kind.startsWith("grant.")) touched.push("grants");
  return touched;
}

function touch(touched) {
  for (const region of document.querySelectorAll("[data-live]")) {
    if (region.dataset.live.split(/\s+/).some((topic) => touched.includes(topic))) refreshSoon(region.dataset.liveSrc);
  }
}

function refreshAll() {
  document.dispatchEvent(new Event("assent:missed"));
  for (const region of document.querySelectorAll("[data-live]")) refreshSoon(region.dataset.liveSrc);
}

/** One fetch per address at a time; what happens meanwhile makes one more, not many. One that fails is tried again. */
function refreshSoon(address) {
  const state = pending.get(address) ?? { timer: 0, busy: false, again: false, last: 0, failures: 0 };
  pending.set(address, state);
  if (state.busy) {
    state.again = true;
    return;
  }
  if (state.timer) return;
  const wait = state.failures
    ? Math.min(LONGEST_RETRY, RETRY * 2 ** (state.failures - 1))
    : Math.max(FIRST_WAIT, state.last + LEAST_PAUSE - performance.now());
  state.timer = setTimeout(async () => {
    state.timer = 0;
    state.busy = true;
    state.again = false;
    state.last = performance.now();
    try {
      state.failures = (await refresh(address)) ? 0 : state.failures + 1;
    } finally {
      state.busy = false;
    }
    if (state.again || state.failures) refreshSoon(address);
  }, wait);
}

/** The answer and its text; null while the network is away or the server cannot answer. */
async function load(address) {
  try {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" }, credentials: "same-origin" });
    return answer.status >= 500 ? null : { answer, text: await answer.text() };
  } catch {
    return null;
  }
}

/** Fetch an address and bring its regions up to date; false if it could not be fetched for now. */
async function refresh(address) {
  const loaded = await load(address);
  if (!loaded) return false;
  const { answer, text } = loaded;
  if (answer.redirected && new URL(answer.url).pathname.startsWith("/sign-in")) {
    closeDecision("You are signed out. Copy your text, sign in again in another tab, then reload this page.", false);
    return true;
  }
  if (!answer.ok) return true;
  await showFetched(text, address);
  return true;
}

/** Bring the regions that are fetched from an address up to date with what it answered. */
export async function showFetched(text, address) {
  const fetched = new DOMParser().parseFromString(text, "text/html");
  localise(fetched);
  for (const region of document.querySelectorAll("[data-live]")) {
    const fresh = region.dataset.liveSrc === address ? fetched.getElementById(region.id) : null;
    if (fresh) await apply(region, fresh, fetched);
  }
  document.dispatchEvent(new Event("assent:morphed"));
}

async function apply(region, fresh, fetched) {
  if (["list", "offer"].includes(region.dataset.liveMode)) return mergeList(region, fresh);
  if (region.id === "nav") keepPlace(region, fresh);
  if (region.dataset.liveMode === "edited" && asksOther(fetched)) {
    // Nobody approves what was put under their pointer: the new proposal is shown when the person asks for it.
    if (region.id === "decision") noticeOther(region);
    return undefined;
  }
  if (region.dataset.liveMode === "edited" && isBusy(region)) {
    if (region.id === "decision" && !fresh.dataset.open) {
      closeDecision(`${fresh.dataset.said} Your text is kept, but it can no longer be sent.`);
    }
    return undefined;
  }
  if (region.id === "decision") clearNotice();
  if (region.id === "request-said" && isWriting() && !fetched.querySelector("#decision")?.dataset.open) {
    return undefined; // the message a person is answering stays; what happened is told beside it
  }
  return morph(region, fresh);
}

/** True if a person is writing what a new region would take away; a comment on the decision is no part of the proposal. */
function isBusy(region) {
  return region.id === "proposal" ? isEditing() || isCommenting() : isWriting();
}

/** The navigation is fetched from its own address, so it cannot know which page it stands on. */
function keepPlace(region, fresh) {
  const here = region.querySelector("[aria-current]")?.dataset.nav;
  if (here) fresh.querySelector(`[data-nav="${here}"]`)?.setAttribute("aria-current", "page");
  keepUnfolded(region, fresh);
}

/** True if a decision is wanted on another proposal than the one that this page shows. */
function asksOther(fetched) {
  const shown = document.getElementById("decision");
  const fresh = fetched.getElementById("decision");
  return Boolean(shown && fresh?.dataset.open && fresh.dataset.digest !== shown.dataset.digest);
}

function noticeOther(bar) {
  const words = isWriting()
    ? "The proposal changed while you were writing. Copy your text before you continue."
    : "The proposal changed while you were reading it.";
  closeDecision(words, true, { words: "Show the new proposal", address: bar.dataset.liveSrc });
}
