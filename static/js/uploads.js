// Files in forms: the text field that names a file gets an upload beside it.
//
// A file is sent in parts, and the portal says how much of it has arrived. So an upload goes on after the network was
// cut, after an answer was lost, and, if the same file is chosen again, after the page was closed. Without this module
// the field takes a reference or a path all the same.

import { person, read, remove, startKeeping, write } from "./kept.js";
import { addEntry } from "./reshape.js";

const FILES = "/api/v1/files";
const PREFIX = "assent-file:";
const KEPT = "assent-upload:";
const LONGEST_PAUSE = 15_000; // ms between attempts
const PATIENCE = 120_000; // ms for one part
const STEP = 10; // percent between two announcements

const uploads = new Map(); // by the id of the field, which may be drawn again meanwhile

export function startUploads() {
  startKeeping(KEPT);
  enhance();
  document.addEventListener("assent:morphed", enhance);
  document.addEventListener("submit", wait, true);
  window.addEventListener("beforeunload", (event) => {
    if ([...uploads.values()].some((upload) => upload.going)) event.preventDefault();
  });
}

function enhance() {
  for (const field of document.querySelectorAll("input[data-file]:not([data-enhanced])")) {
    field.dataset.enhanced = "";
    field.before(controls(field));
    const upload = uploads.get(field.id);
    // The upload may have ended while the server drew the field, which it did as it was before.
    if (upload?.reference && !field.value) field.value = upload.reference;
    if (upload) show(field.id, upload);
    else if (field.value.startsWith(PREFIX)) describe(field);
  }
}

function controls(field) {
  const label = document.querySelector(`label[for="${CSS.escape(field.id)}"]`)?.textContent.trim() ?? "this field";
  const box = element("div", { className: "upload", id: `${field.id}-upload` });
  const chooser = element("input", { type: "file", id: `${field.id}-file` });
  chooser.setAttribute("aria-label", `Upload a file for ${label}`);
  chooser.multiple = Boolean(addButton(field));
  chooser.addEventListener("change", () => {
    const [first, ...others] = chooser.files;
    if (first) begin(field.id, first);
    if (others.length) addAll(field, others);
  });
  const bar = element("progress", { max: 100, value: 0, hidden: true });
  bar.setAttribute("aria-label", `Upload for ${label}`);
  const said = element("p", { className: "help", role: "status" });
  said.setAttribute("role", "status");
  const asked = element("p", { className: "wrong", hidden: true });
  asked.setAttribute("role", "alert");
  const stop = element("button", { type: "button", className: "btn slim", textContent: "Stop the upload", hidden: true });
  stop.addEventListener("click", () => {
    uploads.get(field.id)?.stop();
    chooser.value = "";
    chooser.focus();
  });
  field.addEventListener("input", () => {
    if (uploads.get(field.id)?.going) return;
    uploads.delete(field.id);
    tell(field.id, "");
  });
  box.append(chooser, bar, said, asked, stop);
  return box;
}

/** The button that adds an entry to the list of files to which a field belongs; none for any other field. */
function addButton(field) {
  const list = field.closest(".entries");
  return field.closest(".entry")?.parentElement === list ? list?.querySelector(':scope > p > button[value^="add:"]') : null;
}

/** Several files were chosen at once: each further one gets an entry of its own, one after the other. */
async function addAll(field, files) {
  const id = field.closest(".entries").id;
  for (const file of files) {
    try {
      const list = await addEntry(document.querySelector(`#${CSS.escape(id)} > p > button[value^="add:"]`));
      const added = list.querySelectorAll(":scope > .entry input[data-file]");
      begin(added[added.length - 1].id, file);
    } catch (error) {
      console.info("No entry could be added.", error);
      tell(field.id, `${file.name} was not uploaded. Add an entry for it.`, true);
      return;
    }
  }
}

/** What a reference from an earlier form names. */
async function describe(field) {
  try {
    const address = `${FILES}/${encodeURIComponent(field.value.slice(PREFIX.length))}`;
    const answer = await fetch(address, { credentials: "same-origin" });
    const file = await answer.json();
    if (answer.ok) tell(field.id, `${file.name}, ${sizeWords(file.size)}.`);
    else tell(field.id, file.detail, true);
  } catch {
    // The reference stands in the field.
  }
}

function begin(id, file) {
  uploads.get(id)?.stop();
  const cancel = new AbortController();
  const upload = { going: true, percent: 0, words: `Uploading ${file.name}.`, wrong: false, stop: () => cancel.abort() };
  uploads.set(id, upload);
  show(id, upload);
  const told = (words, received) => {
    if (uploads.get(id) !== upload) return;
    upload.percent = file.size ? Math.floor((100 * received) / file.size) : 100;
    if (words) upload.words = words;
    show(id, upload);
  };
  send(file, cancel.signal, told)
    .then((sent) => {
      const field = document.getElementById(id);
      if (uploads.get(id) !== upload) return;
      upload.reference = sent.reference;
      if (!field) return;
      field.value = sent.reference;
      field.removeAttribute("aria-invalid");
      field.dispatchEvent(new Event("change", { bubbles: true }));
      upload.words = `${sent.name}, ${sizeWords(sent.size)}, is uploaded.`;
    })
    .catch((error) => {
      upload.wrong = !cancel.signal.aborted;
      upload.words = cancel.signal.aborted ? "The upload was stopped." : `${file.name} was not uploaded. ${error.message}`;
    })
    .finally(() => {
      upload.going = false;
      if (uploads.get(id) === upload) show(id, upload);
    });
}

/** Send a file from where the portal has it, until it is complete. */
async function send(file, signal, told) {
  const key = `${KEPT}${person()}:${file.name}:${file.size}:${file.lastModified}`;
  let once = token();
  const open = () => call("POST", FILES, signal, { "Idempotency-Key": once }, JSON.stringify({ name: file.name, size: file.size }));
  let state = null;
  const earlier = read(key)?.id;
  let next = earlier ? () => call("GET", `${FILES}/${earlier}`, signal) : open;
  let percent = 0;
  for (let failures = 0; ; ) {
    try {
      state = await next();
      failures = 0;
    } catch (error) {
      if (signal.aborted) throw error;
      if (error.received !== undefined && state) {
        state = { ...state, received: error.received }; // a part came twice, or in another tab
      } else if (error.status === 404) {
        // Deleted meanwhile. With the same token, beginning would be answered with the deleted one.
        remove(key);
        if (failures++ > 3) throw error;
        once = token();
        state = null;
        next = open;
        continue;
      } else if (error.passing) {
        failures += 1;
        told("The connection is interrupted. The upload continues when it is back.", state?.received ?? 0);
        await pause(Math.min(LONGEST_PAUSE, 500 * 2 ** failures), signal);
        // What has arrived of the last part is only known to the portal.
        if (state) next = () => call("GET", `${FILES}/${state.id}`, signal);
        continue;
      } else {
        remove(key);
        throw error;
      }
    }
    write(key, { id: state.id });
    if (state.state === "complete") {
      remove(key);
      told("", state.size);
      return state;
    }
    const now = state.size ? Math.floor((100 * state.received) / state.size) : 100;
    told(now - percent >= STEP || failures === 0 && now === 0 ? `Uploading ${file.name}: ${now} % of ${sizeWords(file.size)}.` : "", state.received);
    if (now - percent >= STEP) percent = now;
    const from = state;
    next =
      from.received < from.size
        ? () => part(from, file, signal)
        : () => call("POST", `${FILES}/${from.id}/complete`, signal, {}, "{}");
  }
}

async function part(state, file, signal) {
  const end = Math.min(state.received + state.part_bytes, state.size);
  let bytes;
  try {
    bytes = await file.slice(state.received, end).arrayBuffer();
  } catch {
    throw new Refusal("It can no longer be read. Choose it again.", 0);
  }
  const address = `${FILES}/${state.id}/content?offset=${state.received}`;
  return call("PUT", address, signal, { "Content-Type": "application/octet-stream" }, bytes);
}

class Refusal extends Error {
  constructor(words, status, received) {
    super(words);
    this.status = status;
    this.received = received;
    this.passing = status === -1 || status === 429 || status >= 500;
  }
}

async function call(method, address, signal, headers = {}, body = undefined) {
  const csrf = document.querySelector('input[name="csrf_token"]')?.value ?? "";
  let answer;
  try {
    answer = await fetch(address, {
      method, body, credentials: "same-origin", signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf, ...headers },
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Refusal("The portal cannot be reached.", -1);
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  throw new Refusal(told.detail ?? `The portal answered with status ${answer.status}.`, answer.status, told.received);
}

/** Wait, or until the network is back. */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", stopped);
      resolve();
    }
    function stopped() {
      done();
      reject(signal.reason);
    }
    window.addEventListener("online", done);
    signal.addEventListener("abort", stopped);
  });
}

/** A form is not sent without a file that is on its way. */
function wait(event) {
  for (const [id, upload] of uploads) {
    const field = document.getElementById(id);
    if (!upload.going || field?.form !== event.target) continue;
    event.preventDefault();
    event.stopImmediatePropagation();
    upload.asked = true; // stays beside what the upload tells about its progress
    show(id, upload);
    document.getElementById(`${id}-file`)?.focus();
    return;
  }
}

function show(id, upload) {
  const box = document.getElementById(`${id}-upload`);
  if (!box) return;
  const bar = box.querySelector("progress");
  bar.hidden = box.querySelector("button").hidden = !upload.going;
  bar.value = upload.percent;
  const asked = box.querySelector("[role=alert]");
  asked.hidden = !(upload.going && upload.asked);
  asked.textContent = asked.hidden ? "" : "Wait until the file is uploaded, or stop the upload.";
  tell(id, upload.words, upload.wrong);
}

function tell(id, words, wrong = false) {
  const said = document.getElementById(`${id}-upload`)?.querySelector("[role=status]");
  if (!said || said.textContent === words) return;
  said.textContent = words;
  said.className = wrong ? "wrong" : "help";
}

function sizeWords(count) {
  if (count < 1000) return `${count} ${count === 1 ? "byte" : "bytes"}`;
  const [size, unit] = count < 999_500 ? [1000, "kB"] : [1_000_000, "MB"];
  return `${(count / size).toFixed(count < 99.5 * size ? 1 : 0)} ${unit}`;
}

function token() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function element(tag, values) {
  return Object.assign(document.createElement(tag), values);
}
