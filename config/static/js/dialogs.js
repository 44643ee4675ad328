/* Dialogs opened by `data-open`, and menus that close when one looks elsewhere. */

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    openDialog(document.getElementById(opener.dataset.open), event);
    return;
  }
  if (event.target instanceof HTMLDialogElement) event.target.close();
  closeMenus(event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

export function openDialog(dialog, event = null) {
  if (!dialog || dialog.open) return;
  event?.preventDefault();
  closeMenus(null);
  dialog.showModal();
  dialog.querySelector("input")?.focus();
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}
