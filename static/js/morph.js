// Changing a region into what was fetched, node by node, by htmx: focus, selection and scrolling stay where they are.

import htmx from "htmx.org";

import { isEdited } from "./decide.js";

htmx.registerExtension("assent", {
  // What a person has opened stays open.
  htmx_before_morph_attr: (element, { attrName }) => !(element.tagName === "DETAILS" && attrName === "open"),
  // What a person has typed or chosen stays typed and chosen.
  htmx_before_morph_node: (element) => !("defaultValue" in element || element.tagName === "SELECT") || !isEdited(element),
});

/** Make `region` look like `fresh`, an element of another document. */
export async function morph(region, fresh) {
  if (region.isEqualNode(fresh)) return;
  await htmx.swap({ text: fresh.outerHTML, target: region, sourceElement: region, swap: "outerMorph" });
}
