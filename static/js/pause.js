// A button that was pressed may be another one when the page has loaded, and the second click of a double click must not
// press it: it can be used half a second later.

const SECOND_LOOK = 500; // ms
let over = true;

/** Begin the pause; `then` is called when it is over. */
export function pause(then) {
  over = false;
  setTimeout(() => {
    over = true;
    then();
  }, SECOND_LOOK);
}

/** True while such a button must not be used. */
export function isPausing() {
  return !over;
}
