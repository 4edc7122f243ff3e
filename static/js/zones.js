// Date-time fields in the browser's zone. The page carries UTC, and works so without a script. Where the person has
// chosen a zone, the page is in that one already.

export function startZones() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.documentElement.dataset.zone) return;
  const write = () => {
    for (const form of document.querySelectorAll("form[data-zoned]")) localiseForm(form, zone);
  };
  write();
  // A region that was fetched again is in UTC again, but for the fields in which something was typed.
  document.addEventListener("assent:morphed", write);
}

function localiseForm(form, zone) {
  form.elements.zone.value = zone;
  for (const field of form.querySelectorAll('input[type="datetime-local"]')) {
    if (field.dataset.zone === zone) continue;
    // The value as the page has it: a browser may have put back what was typed before.
    if (field.defaultValue) field.value = local(new Date(`${field.defaultValue}Z`));
    field.dataset.zone = zone;
  }
  for (const words of form.querySelectorAll("span[data-zone]")) words.textContent = `(${zone.replaceAll("_", " ")})`;
}

function local(at) {
  const two = (number) => String(number).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
