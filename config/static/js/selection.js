/* The bulk bar of a list: shown when something is ticked. */

const all = document.querySelector("[data-select-all]");
const bar = document.querySelector("[data-bulk-bar]");
const count = document.querySelector("[data-bulk-count]");

function boxes() {
  return [...document.querySelectorAll("[data-select]")];
}

function refresh() {
  const ticked = boxes().filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes().length;
  all.indeterminate = ticked > 0 && !all.checked;
  bar.hidden = ticked === 0;
  count.textContent = String(ticked);
}

all.closest("[data-select-all-holder]").hidden = false;
all.addEventListener("change", () => {
  for (const box of boxes()) box.checked = all.checked;
  refresh();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select]")) refresh();
});
refresh();
