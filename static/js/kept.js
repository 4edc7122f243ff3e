// What a person leaves in this browser, by person. It goes at signing out; what is somebody else's, or has been left
// lying for long, is removed unread. A key is a prefix, the person's id, and a rest, separated by colons.

const KEPT_DAYS = 30;

export function person() {
  return document.querySelector('meta[name="assent-person"]')?.content ?? "";
}

/** Keep values under keys with this prefix in order from now on. */
export function startKeeping(prefix) {
  const oldest = Date.now() - KEPT_DAYS * 86_400_000;
  const own = `${prefix}${person()}:`;
  for (const key of stored(prefix)) {
    if ((person() && !key.startsWith(own)) || !((read(key)?.at ?? 0) > oldest)) remove(key);
  }
  document.addEventListener("submit", (event) => {
    if (isSignOut(event.target)) for (const key of stored(prefix)) remove(key);
  });
}

export function isSignOut(form) {
  return form.matches?.("form[data-signs-out]");
}

export function stored(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

export function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

export function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify({ at: Date.now(), ...value }));
  } catch {
    // Full, or switched off: what it was for works until the page is closed.
  }
}

export function remove(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing is stored where nothing may be.
  }
}
