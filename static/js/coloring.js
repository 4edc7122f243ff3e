// Code that is read gets colors once the page stands; without them (an old browser, a file that could not be fetched)
// it reads the same.

let colors = null; // the module, once asked for
let waits = false;

export function startColoring() {
  if (!globalThis.CSS?.highlights || !globalThis.StaticRange) return;
  document.addEventListener("assent:morphed", soon);
  document.addEventListener("toggle", (event) => event.target.querySelector?.("[data-colors]") && soon(), true);
  soon();
}

/** Once for all that changes at the same time. */
function soon() {
  if (waits || !document.querySelector("[data-colors]")) return;
  waits = true;
  requestAnimationFrame(color);
}

async function color() {
  waits = false;
  try {
    colors ??= import("./colors.js");
    await (await colors).paint();
  } catch (error) {
    colors = null; // asked for again when the page changes
    console.info("The colors of code could not be loaded.", error);
  }
}
