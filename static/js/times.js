// Times in the person's own zone, and time left that keeps counting. The elements themselves carry UTC.

const FORMATS = {
  full: { dateStyle: "medium", timeStyle: "short" },
  seconds: { dateStyle: "medium", timeStyle: "medium" },
  time: { timeStyle: "medium" },
  clock: { timeStyle: "short" },
};

const TICK = 20_000;
const SECOND = 1000;
const SLICE = 500;

/** The zone that the person has chosen; undefined: the browser's own, as for a zone that the browser does not know. */
const CHOSEN = known(document.documentElement.dataset.zone);

export function startTimes() {
  localise(document);
  setInterval(() => tick(document), TICK);
  setInterval(() => document.hidden || running(document), SECOND);
  document.addEventListener("visibilitychange", () => document.hidden || tick(document));
}

/** Write the times under `root`, which may be a page that was fetched and is not shown yet. */
export function localise(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    element.title = element.textContent.trim();
    element.textContent = words(at, element.dataset.time);
  }
  tick(root);
}

/** A time as a person reads it; of `short`, today's without the date. */
export function words(at, kind) {
  if (kind === "short") return isToday(at) ? format(at, "clock") : format(at, "full");
  return format(at, kind);
}

function format(at, kind) {
  return new Intl.DateTimeFormat(undefined, { ...(FORMATS[kind] ?? FORMATS.full), timeZone: CHOSEN }).format(at);
}

function isToday(at) {
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeZone: CHOSEN });
  return day.format(at) === day.format(new Date());
}

function known(zone) {
  try {
    return zone ? new Intl.DateTimeFormat(undefined, { timeZone: zone }).resolvedOptions().timeZone : undefined;
  } catch {
    return undefined;
  }
}

function tick(root) {
  const now = Date.now();
  sliced([...root.querySelectorAll("time[data-left], time[data-ago]")]);
  for (const element of root.querySelectorAll("time[data-for]")) {
    write(element, `${element.dataset.for} for ${span((Date.parse(element.dateTime) - now) / 1000)}`);
  }
  running(root);
}

/** Time left and ages; thousands of them, as in a long list, a slice at a time, so that scrolling goes on. */
function sliced(elements) {
  const now = Date.now();
  for (const element of elements.slice(0, SLICE)) {
    if (element.dataset.ago !== undefined) {
      write(element, ago((now - Date.parse(element.dateTime)) / SECOND));
      continue;
    }
    const seconds = (Date.parse(element.dateTime) - now) / 1000;
    const left = element.dataset.left ? `${element.dataset.left} in ${span(seconds)}` : shortSpan(seconds);
    write(element, seconds > 0 ? `${left}${element.dataset.then ?? ""}` : element.dataset.over);
  }
  if (elements.length > SLICE) setTimeout(() => sliced(elements.slice(SLICE)));
}

/** A running step shows seconds during its first minute, and so does what can be undone for a short time. */
function running(root) {
  for (const element of root.querySelectorAll("time[data-count]")) {
    const left = Math.max(0, Math.ceil((Date.parse(element.dateTime) - Date.now()) / 1000));
    write(element, `${left} s`);
    if (!left) element.closest("form[data-until]")?.setAttribute("hidden", "");
  }
  for (const element of root.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(element.dateTime)) / 1000);
    write(element, `running for ${seconds < 60 ? `${Math.floor(seconds)} s` : span(seconds)}`);
  }
}

function write(element, text) {
  const capital = /^\p{Lu}/u.test(element.textContent);
  const wanted = capital ? text[0].toUpperCase() + text.slice(1) : text;
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** The same words as the server's, in app/web/filters.py. */
function ago(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return "just now";
  const hours = Math.floor(minutes / 60);
  if (hours < 1) return `${minutes} min ago`;
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

function shortSpan(seconds) {
  return seconds < 60 ? "< 1 min" : span(seconds);
}

/** The same words as the server's, in app/domain/text.py. */
export function span(seconds) {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
