/* "2 min ago" that stays true while the page is open. */

const JUST_NOW = "just now";
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
  return JUST_NOW;
}

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const since = ago(Date.parse(element.dateTime));
    const tail = element.dataset.ago;
    const text = tail && since !== JUST_NOW ? `${since} ${tail}` : since;
    if (element.textContent !== text) element.textContent = text;
  }
}

export function keepTimes() {
  refreshTimes();
  setInterval(refreshTimes, 20000);
}
