/* What every page loads: the other modules mount themselves on what they find. */

import "./clock.js";
import "./dialogs.js";
import "./live.js";
import "./palette.js";
import "./shortcuts.js";
import "./theme.js";
import { keepTimes } from "./times.js";
import { toast } from "./toast.js";

/* heavier parts are fetched by the pages, and the fragments, that have a use for them */
function loadParts() {
  if (document.querySelector("hl-chart")) import("./chart.js");
  if (document.querySelector("[data-select-all]")) import("./selection.js");
  if (document.querySelector("[data-copy]")) import("./copy.js");
}

loadParts();
document.addEventListener("htmx:afterSettle", loadParts);

keepTimes();

for (const note of document.querySelectorAll("#messages [data-toast]")) {
  toast({ text: note.textContent.trim() });
}
document.getElementById("messages")?.remove();

/* `HX-Trigger: {"toast": {...}}` of a view */
document.addEventListener("toast", (event) => toast(event.detail));

/* `HX-Trigger: {"unread": 3}`: how many notices are unread now */
document.addEventListener("unread", ({ detail }) => {
  for (const place of document.querySelectorAll("[data-unread]")) {
    place.hidden = !detail.value;
    place.querySelector("[data-count]").textContent = detail.value;
  }
});

/* who follows a notice has read it; a request that outlives the page says so */
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-reads]");
  if (!link) return;
  const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  fetch(link.dataset.reads, { method: "POST", headers, keepalive: true, redirect: "manual" });
});

/* a fragment that could not be fetched says so in its own place, and can be asked for again */
document.addEventListener("htmx:responseError", (event) => failed(event.detail));
document.addEventListener("htmx:sendError", (event) => failed(event.detail));

function failed({ elt, target }) {
  const place = target ?? elt;
  const template = document.getElementById("fragment-error");
  if (elt.matches("[data-fragment]") && template) {
    place.replaceChildren(template.content.cloneNode(true));
    place.querySelector("[data-retry]").addEventListener("click", () => window.htmx.trigger(elt, "retry"));
    return;
  }
  toast({ text: "That did not go through. Please try again." });
}
