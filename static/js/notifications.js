// Notifications of the browser: by the portal's service worker while no page is open, where the portal has a key for
// that; or else by an open page that nobody looks at.

import { ownCount } from "./nav.js";

const CHOSEN = "assent:notifications"; // the person who wants them in this browser
const TOLD = "assent:told"; // the session in which the portal was told so

let watching = false;

export function startNotifications() {
  const section = document.getElementById("browsers");
  if (section) offer(section);
  if (!wanted()) return;
  watchCount();
  tellOnce();
}

function person() {
  return document.querySelector('meta[name="assent-person"]')?.content ?? "";
}

function isPossible() {
  return "Notification" in window && "serviceWorker" in navigator && window.isSecureContext;
}

function wanted() {
  return isPossible() && Notification.permission === "granted" && person() !== "" && stored() === person();
}

function stored() {
  try {
    return localStorage.getItem(CHOSEN) ?? "";
  } catch {
    return "";
  }
}

/** The settings: what this browser can do, and the button that asks for its permission. */
function offer(section) {
  const button = section.querySelector("#browser-allow");
  const off = section.querySelector("#browser-off");
  const words = section.querySelector("#browser-words");
  if (!isPossible()) {
    words.textContent = "This browser cannot show notifications, or the portal’s address does not begin with https.";
    return;
  }
  show();
  button.addEventListener("click", async () => {
    button.disabled = true;
    words.textContent = await allow(section.dataset.key);
    button.disabled = false;
    show();
    if (!wanted()) return;
    if (section.dataset.key) location.reload();
    else watchCount();
  });
  off.addEventListener("click", async () => {
    localStorage.removeItem(CHOSEN);
    const subscription = await (await navigator.serviceWorker.getRegistration("/"))?.pushManager.getSubscription();
    await subscription?.unsubscribe();
    show();
    const listed = section.querySelector("form[data-here] button");
    if (listed) listed.click();
    else words.textContent = "Notifications are off in this browser.";
  });

  function show() {
    button.hidden = wanted();
    off.hidden = !wanted();
  }
}

/** Ask for permission, and tell the portal where to send notifications. Returns what became of it, in words. */
async function allow(key) {
  if ((await Notification.requestPermission()) !== "granted") {
    return "The browser did not give permission. Allow notifications for this address in the browser’s settings.";
  }
  try {
    const registration = await register();
    if (key) await send(await subscribed(registration, key));
  } catch (error) {
    return `Notifications could not be set up: ${error.message}`;
  }
  localStorage.setItem(CHOSEN, person());
  if (key) return "This browser shows notifications.";
  return "This browser shows notifications while a page of the portal is open in it.";
}

async function register() {
  await navigator.serviceWorker.register("/service-worker.js", { scope: "/" });
  return navigator.serviceWorker.ready;
}

async function subscribed(registration, key) {
  const before = await registration.pushManager.getSubscription();
  const bytes = Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  if (before && !isOf(before, bytes)) await before.unsubscribe();
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes });
}

function isOf(subscription, bytes) {
  const of = subscription.options?.applicationServerKey;
  return !of || new Uint8Array(of).every((byte, at) => byte === bytes[at]);
}

async function send(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  const body = new URLSearchParams({ endpoint, p256dh: keys.p256dh, auth: keys.auth });
  const token = document.querySelector('input[name="csrf_token"]')?.value ?? "";
  const answer = await fetch("/profile/notifications/browsers", {
    method: "POST",
    credentials: "same-origin",
    headers: { "X-CSRFToken": token, Accept: "application/json" },
    body,
  });
  if (!answer.ok) throw new Error(`the portal answered with ${answer.status}.`);
}

/** After signing in again, the portal has to know that this browser still takes notifications of this person. */
async function tellOnce() {
  if (sessionStorage.getItem(TOLD) === person()) return;
  const registration = await navigator.serviceWorker.getRegistration("/");
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return;
  try {
    await send(subscription);
    sessionStorage.setItem(TOLD, person());
  } catch {
    // The next page tries again.
  }
}

/** While nobody looks at the page: say that more requests need this person's decision than before. */
function watchCount() {
  if (watching) return;
  watching = true;
  let before = count();
  document.addEventListener("assent:morphed", async () => {
    const now = count();
    const more = now > before;
    before = now;
    if (!more || !document.hidden || !wanted() || (await isPushed())) return;
    const options = {
      body: now === 1 ? "1 request waits for you." : `${now} requests wait for you.`,
      tag: "assent-waiting",
      renotify: true,
      icon: "/static/icon-192.png",
      data: { url: `${location.origin}/queue` },
    };
    (await register()).showNotification("Your decision is needed", options);
  });
}

/** How many requests wait for this person; 99 if there are more. */
function count() {
  return parseInt(ownCount(), 10) || 0;
}

async function isPushed() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return Boolean(await registration?.pushManager.getSubscription());
}
