// Who else looks at this request now, as its live room tells.

let people = [];

/** Take what the server told: the people at the request of this page, each `{id, name}`. */
export function showPeople(told) {
  if (told?.request_id !== document.getElementById("decision")?.dataset.request) return;
  people = told.people ?? [];
  draw();
}

/** The facts were fetched anew, without the people: the server draws the same facts for everybody. */
export function startPresence() {
  document.addEventListener("assent:morphed", draw);
}

function draw() {
  const place = document.getElementById("present");
  if (!place) return;
  const me = document.querySelector('meta[name="assent-person"]')?.content;
  const others = people.filter((each) => each.id !== me).map((each) => each.name);
  const words = others.join(", ");
  if (place.textContent !== words) place.textContent = words;
  place.closest("section").hidden = !others.length;
}
