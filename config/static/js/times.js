/* "2 min ago" that stays true while the page is open. */

const STEPS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

export function ago(moment, now = Date.now()) {
  const seconds = Math.max(0, (now - moment) / 1000);
  for (const [length, unit] of STEPS) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return "just now";
}

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const text = ago(Date.parse(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}

export function keepTimes() {
  refreshTimes();
  setInterval(refreshTimes, 20000);
}
