/* Single-key shortcuts, never inside a field; `data-shortcuts="off"` on the page turns them off.
   Which keys do what is the person's own choice: the page says it, in `#shortcut-keys` and `data-keys`. */

import { openDialog } from "./dialogs.js";
import { togglePalette } from "./palette.js";

const FIELDS = "input, textarea, select, [contenteditable]";
const SEQUENCE_PAUSE = 900;

const chosen = JSON.parse(document.getElementById("shortcut-keys")?.textContent ?? "{}");

let started = "";
let pause = 0;

function enabled() {
  return document.documentElement.dataset.shortcuts !== "off";
}

function rows() {
  return [...document.querySelectorAll("[data-rows] > *")].filter((row) => row.querySelector("a"));
}

function currentRow() {
  return document.querySelector("[data-rows] > .is-current");
}

function moveTo(step) {
  const all = rows();
  if (!all.length) return;
  const now = currentRow();
  const at = now ? all.indexOf(now) : -1;
  const next = all[Math.min(all.length - 1, Math.max(0, at < 0 && step < 0 ? all.length - 1 : at + step))];
  now?.classList.remove("is-current");
  next.classList.add("is-current");
  next.querySelector("a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

const ACTIONS = {
  search: () => togglePalette(),
  help: () => openDialog(document.getElementById("shortcuts")),
};

const ROW_ACTIONS = {
  next: () => moveTo(1),
  previous: () => moveTo(-1),
  select: () => currentRow()?.querySelector("input[type=checkbox]")?.click(),
};

function act(actions, keys) {
  const name = Object.keys(actions).find((one) => chosen[one] === keys);
  if (name) actions[name]();
  return Boolean(name);
}

function go(keys) {
  const link = [...document.querySelectorAll("a[data-keys]")].find((one) => one.dataset.keys === keys);
  if (link) location.href = link.href;
  return Boolean(link);
}

function press(keys) {
  const button = document.querySelector(`button[data-keys="${CSS.escape(keys)}"]`);
  button?.click();
  return Boolean(button);
}

document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    togglePalette();
    return;
  }
  if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return;
  if (!enabled() || event.target.closest(FIELDS) || document.querySelector("dialog[open]")) return;
  if (single(event.key.toLowerCase())) event.preventDefault();
});

/* whether these keys begin a shortcut of two */
function begins(keys) {
  const all = [...Object.values(chosen), ...[...document.querySelectorAll("[data-keys]")].map((one) => one.dataset.keys)];
  return all.some((one) => one.startsWith(`${keys} `));
}

function single(key) {
  const keys = started ? `${started} ${key}` : key;
  clearTimeout(pause);
  started = "";
  if (begins(keys)) {
    started = keys;
    pause = setTimeout(() => (started = ""), SEQUENCE_PAUSE);
    return true;
  }
  if (act(ACTIONS, keys)) return true;
  if (rows().length && act(ROW_ACTIONS, keys)) return true;
  return go(keys) || press(keys);
}

/* the switch in the shortcuts dialog works as a form; with script it takes hold at once */
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-shortcuts-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();

  const on = event.submitter.value === "on";
  const body = new FormData(form);
  body.set("enabled", event.submitter.value);
  document.documentElement.dataset.shortcuts = on ? "on" : "off";
  event.submitter.value = on ? "off" : "on";
  event.submitter.textContent = on ? "Turn off" : "Turn on";
  form.querySelector("[data-shortcuts-state]").textContent = on ? "on" : "off";
  await fetch(form.action, { method: "POST", body, redirect: "manual" });
});
