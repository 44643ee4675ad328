/* The command palette: a combobox over a GET form to /search/, which works without script. */

import { openDialog } from "./dialogs.js";

const palette = document.getElementById("palette");
const input = palette?.querySelector("input[type=search]");
const list = document.getElementById("palette-list");

function options() {
  return [...list.querySelectorAll("[role=option]")];
}

function select(index) {
  const all = options();
  all.forEach((option, position) => {
    option.setAttribute("aria-selected", String(position === index));
    option.id = `palette-option-${position}`;
  });
  if (all[index]) {
    input.setAttribute("aria-activedescendant", all[index].id);
    all[index].scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function close() {
  document.activeElement?.blur(); // else the focus leaves a closed dialog one frame late
  palette.close();
}

export function togglePalette() {
  if (!palette) return;
  if (palette.open) close();
  else openDialog(palette);
}

function onKey(event) {
  if (event.key === "Escape") {
    event.preventDefault(); // a filled search field would swallow the first one
    close();
    return;
  }
  if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;

  const all = options();
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Enter") {
    if (at < 0) return; // the form goes to the search page
    event.preventDefault();
    all[at].click();
    return;
  }
  event.preventDefault();
  const step = event.key === "ArrowDown" ? 1 : -1;
  if (all.length) select((at + step + all.length) % all.length);
}

if (palette) {
  palette.addEventListener("keydown", onKey);
  palette.addEventListener("close", () => document.dispatchEvent(new CustomEvent("palette:closed")));
  list.addEventListener("htmx:afterSwap", () => select(input.value.trim() ? 0 : -1));
}
