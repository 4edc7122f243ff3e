// Shows notifications while no page of the portal is open. It keeps nothing, and answers no requests of pages.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => event.waitUntil(show(event)));

async function show(event) {
  let told = {};
  try {
    told = event.data?.json() ?? {};
  } catch {
    // Not from the portal, but a browser insists on a notification for each message.
  }
  await self.registration.showNotification(told.title || "Assent", {
    body: told.body || "",
    tag: told.tag || "assent",
    renotify: true,
    icon: "/static/icon-192.png",
    data: { url: own(told.url) },
  });
}

/** An address of this portal, whatever a message says. */
function own(address) {
  try {
    const url = new URL(address, self.location.origin);
    return url.origin === self.location.origin ? url.href : `${self.location.origin}/queue`;
  } catch {
    return `${self.location.origin}/queue`;
  }
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url ?? own("/queue")));
});

/** Show the page in the tab that has it, or in a new one. What somebody is doing in another tab stays there. */
async function open(address) {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = tabs.find((tab) => tab.url.split("#")[0] === address);
  if (there) return there.focus();
  return self.clients.openWindow(address);
}
