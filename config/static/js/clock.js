/* <hl-clock due="…">: counts down to a goal every second, then says how late it is. */

const clocks = new Set();
let timer = 0;

function two(number) {
  return String(number).padStart(2, "0");
}

export function spell(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60);
  if (milliseconds >= 0) {
    return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)} left` : `${minutes}:${two(seconds % 60)} left`;
  }
  if (seconds < 60) return "Just past the goal";
  if (seconds < 3600) return `${minutes} min late`;
  return seconds < 172800 ? `${hours} h late` : `${Math.floor(seconds / 86400)} days late`;
}

function tick() {
  for (const clock of clocks) clock.show();
}

class Clock extends HTMLElement {
  connectedCallback() {
    this.due = Date.parse(this.getAttribute("due"));
    this.time = this.querySelector("time");
    if (Number.isNaN(this.due) || !this.time) return;
    clocks.add(this);
    this.show();
    timer ||= setInterval(tick, 1000);
  }

  disconnectedCallback() {
    clocks.delete(this);
    if (clocks.size) return;
    clearInterval(timer);
    timer = 0;
  }

  show() {
    const left = this.due - Date.now();
    const text = spell(left);
    if (this.time.textContent !== text) this.time.textContent = text;
    this.dataset.state = left < 0 ? "late" : left < 60000 ? "soon" : "open";
  }
}

customElements.define("hl-clock", Clock);
