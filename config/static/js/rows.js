/* Puts a fragment that came live in the place of the one on the page. */

import { refreshTimes } from "./times.js";

const FOCUSABLE = "a, button, input";
const MOST_TARGETS = 300;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function parse(fragment) {
  const template = document.createElement("template");
  const isRow = fragment.trimStart().startsWith("<tr");
  template.innerHTML = isRow ? `<table><tbody>${fragment}</tbody></table>` : fragment;
  return isRow ? template.content.querySelector("tr") : template.content.firstElementChild;
}

/* what the reader was doing in the old row goes on in the new one */
function carryOver(old, fresh) {
  fresh.classList.toggle("is-current", old.classList.contains("is-current"));
  const ticked = old.querySelector("input[type=checkbox]")?.checked;
  const box = fresh.querySelector("input[type=checkbox]");
  if (box) box.checked = Boolean(ticked);
  for (const kept of old.querySelectorAll("[data-keep]")) {
    fresh.querySelector(`[data-keep="${kept.dataset.keep}"]`)?.replaceWith(kept);
  }
}

function focusIndex(element) {
  return [...element.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
}

function restoreFocus(element, index) {
  if (index < 0) return;
  queueMicrotask(() => element.querySelectorAll(FOCUSABLE)[index]?.focus({ preventScroll: true }));
}

function flash(row, before) {
  const change = Number(row.dataset.score) - before;
  if (change) row.classList.add(change > 0 ? "flash-up" : "flash-down");
}

function passes(row, filter) {
  if (filter === "hot") return row.dataset.tier === "hot";
  if (filter === "rising") return Number(row.dataset.change) > 0;
  return true;
}

/* a board keeps its rows by score, best first */
function place(row, body) {
  if (!passes(row, body.dataset.filter)) {
    row.remove();
    return;
  }
  const score = Number(row.dataset.score);
  const rows = [...body.children].filter((other) => other !== row);
  const next = rows.find((other) => Number(other.dataset.score) < score);
  if (next) {
    if (row.nextElementSibling !== next) body.insertBefore(row, next);
  } else if (row !== body.lastElementChild) {
    body.append(row);
  }
  const limit = Number(body.dataset.limit);
  while (body.children.length > limit) body.lastElementChild.remove();
}

const findBoard = () => document.querySelector("[data-live-board]");

/* a full board takes in leads from its last row's score on, any other takes all */
function lowest(board) {
  const isFull = board.children.length >= Number(board.dataset.limit);
  return isFull ? Number(board.lastElementChild.dataset.score) : -1;
}

/* what this page shows: fragments for anything else are not sent to it */
export function shown() {
  const targets = [...document.querySelectorAll("[id^=lead-], [id^=alert-]")]
    .map((element) => element.id)
    .filter((id) => /-\d+$/.test(id))
    .slice(0, MOST_TARGETS);
  const board = findBoard();
  return board ? { targets, from: lowest(board) } : { targets };
}

/* no lead from this score on is missing on the board */
let floor;

/* tells whether a row sank, or left, so far that a lead this page does not hold may belong in its place */
export function lacksRows() {
  const board = findBoard();
  if (!board) return false;
  const now = lowest(board);
  if (floor !== undefined && now < floor) return true;
  floor = now;
  return false;
}

/* takes the rows the board lacks from one just read; returns the number of the last message it had seen */
export function refill(fragment) {
  const board = findBoard();
  const template = document.createElement("template");
  template.innerHTML = `<table>${fragment}</table>`;
  const fresh = template.content.querySelector("[data-live-board]");
  if (!board || !fresh) return Infinity;
  for (const row of [...fresh.children]) {
    if (document.getElementById(row.id)) continue; // what came live is newer
    refreshTimes(row);
    board.append(row);
    place(row, board);
    if (row.isConnected) window.htmx?.process(row);
  }
  floor = lowest(board);
  return Number(fresh.dataset.after);
}

export function positions() {
  const tops = new Map();
  if (calm.matches) return tops;
  for (const row of document.querySelectorAll("[data-live-board] > *")) {
    tops.set(row.id, row.getBoundingClientRect().top);
  }
  return tops;
}

export function glide(before) {
  if (!before.size) return;
  for (const row of document.querySelectorAll("[data-live-board] > *")) {
    const distance = (before.get(row.id) ?? 0) - row.getBoundingClientRect().top;
    if (!before.has(row.id) || !distance) continue;
    row.animate([{ transform: `translateY(${distance}px)` }, { transform: "none" }], {
      duration: 420,
      easing: "cubic-bezier(.2,.7,.2,1)",
    });
  }
}

/* whom a row is about */
export function nameIn(fragment) {
  return parse(fragment)?.querySelector(".row-link")?.textContent;
}

/* returns whether anything on this page changed */
export function swap(target, fragment) {
  const fresh = parse(fragment);
  if (!fresh) return false;
  refreshTimes(fresh);

  const old = document.getElementById(target);
  const board = findBoard();
  if (old) {
    const focused = focusIndex(old);
    const body = old.parentElement;
    carryOver(old, fresh);
    old.replaceWith(fresh);
    if ("score" in old.dataset) flash(fresh, Number(old.dataset.score));
    if (body.matches("[data-live-board]")) place(fresh, body);
    window.htmx?.process(fresh);
    restoreFocus(fresh, focused);
    return true;
  }
  if (!board || !target.startsWith("lead-")) return false;
  board.append(fresh);
  place(fresh, board);
  if (!fresh.isConnected) return false;
  fresh.classList.add("flash-up");
  window.htmx?.process(fresh);
  return true;
}
