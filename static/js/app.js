import { startArguments } from "./arguments.js";
import { startAround } from "./around.js";
import { startColoring } from "./coloring.js";
import { startComments } from "./comments.js";
import { startDeciding } from "./decide.js";
import { startDrafts } from "./drafts.js";
import { startEditing } from "./editing.js";
import { startEnter } from "./enter.js";
import { startFilters } from "./filters.js";
import { reach, startKeys } from "./keys.js";
import { startList } from "./list.js";
import { startLive } from "./live.js";
import { startMarks } from "./marks.js";
import { startNav } from "./nav.js";
import { startNotifications } from "./notifications.js";
import { startPeek } from "./peek.js";
import { startPlace } from "./place.js";
import { startReasons } from "./reasons.js";
import { startReshaping } from "./reshape.js";
import { startSending } from "./sending.js";
import { startTogether } from "./together.js";
import { startTimes } from "./times.js";
import { startUploads } from "./uploads.js";
import { startVerdicts } from "./verdicts.js";
import { startViewed } from "./viewed.js";
import { startZones } from "./zones.js";

// For what looks different where a script can unfold it.
document.documentElement.dataset.scripted = "";
startTimes();
startZones();
startVerdicts();
// Before what is sent waits for the connection: a form with an upload under way is not sent at all.
startUploads();
startSending();
startDeciding();
startColoring();
startArguments();
startComments();
startReasons();
startReshaping();
startDrafts();
startEditing();
startList();
startMarks();
startPeek();
startTogether();
startFilters();
startKeys();
startAround();
startEnter();
startLive();
startViewed();
startNav();
startNotifications();

// From the queue by the key for it.
if (location.hash === "#escalate") {
  const form = document.querySelector('form[action*="/escalations"]');
  if (form) reach(form);
}

// The list stands where the person is in it.
startPlace();

// On a phone the pages stand in one line that slides; it begins at the one that is open.
document.querySelector("#nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

// What was refused, or checked, is read first; without a script it is at the top of the page all the same.
const refused = document.querySelector("[data-focus]");
if (refused) refused.focus();
// On a request the keyboard begins at the request, unless its address names a part of it.
else if (!location.hash) document.querySelector("#request-head h1")?.focus({ preventScroll: true });
