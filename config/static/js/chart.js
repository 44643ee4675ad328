/* <hl-chart>: a crosshair, a tooltip and arrow-key reading for a chart the server has already drawn. */

const SVG = "http://www.w3.org/2000/svg";
const AXIS_WIDTH = 42;

class Chart extends HTMLElement {
  connectedCallback() {
    const script = this.querySelector("script[type='application/json']");
    this.plot = this.querySelector("[data-plot]");
    if (!script || !this.plot) return;
    this.chart = JSON.parse(script.textContent);

    this.plot.setAttribute("tabindex", "0");
    this.plot.removeAttribute("aria-hidden");
    this.plot.setAttribute("role", "application");
    this.plot.setAttribute("aria-label", "Chart. Use the left and right arrow keys to read its values.");
    this.voice = document.createElement("p");
    this.voice.className = "only-sr";
    this.voice.setAttribute("aria-live", "polite");
    this.append(this.voice);

    this.plot.addEventListener("pointermove", (event) => this.show(this.nearest(event.clientX)));
    this.plot.addEventListener("pointerleave", () => this.hide());
    this.plot.addEventListener("blur", () => this.hide());
    this.plot.addEventListener("keydown", (event) => this.onKey(event));
  }

  nearest(clientX) {
    const box = this.plot.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * 100;
    const distance = (index) => Math.abs(this.chart.points[index] - x);
    return this.chart.points.reduce((best, _, index) => (distance(index) < distance(best) ? index : best), 0);
  }

  onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const last = this.chart.points.length - 1;
    this.show(Math.min(last, Math.max(0, (this.index ?? -1) + step)), true);
  }

  hide() {
    this.tip?.remove();
    this.mark?.remove();
    this.tip = this.mark = this.index = undefined;
  }

  show(index, aloud = false) {
    if (index === this.index) return;
    this.hide();
    this.index = index;
    this.mark = this.drawMark(index);
    this.plot.append(this.mark);
    this.tip = this.drawTip(index);
    this.append(this.tip);
    this.placeTip(index);
    if (aloud) {
      const values = this.chart.series.map((series) => `${series.name} ${series.text[index]}`);
      this.voice.textContent = `${this.chart.labels[index]}: ${values.join(", ")}`;
    }
  }

  drawMark(index) {
    const x = `${this.chart.points[index]}%`;
    const group = document.createElementNS(SVG, "g");
    const line = document.createElementNS(SVG, "line");
    const bottom = String(Number(this.plot.getAttribute("height")) - 6);
    line.setAttribute("class", "chart-cross");
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: "0", y2: bottom })) {
      line.setAttribute(name, value);
    }
    group.append(line);
    for (const series of this.chart.series) {
      if (!series.y) continue;
      const dot = document.createElementNS(SVG, "circle");
      dot.setAttribute("class", `chart-dot ${series.cls}`);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", series.y[index]);
      dot.setAttribute("r", "4");
      group.append(dot);
    }
    return group;
  }

  drawTip(index) {
    const tip = document.createElement("div");
    tip.className = "chart-tip";
    const heading = document.createElement("p");
    heading.className = "font-medium mb-1";
    heading.textContent = this.chart.labels[index];
    tip.append(heading);
    for (const series of this.chart.series) {
      const line = document.createElement("p");
      line.className = "flex items-center gap-1.5";
      const key = document.createElement("i");
      key.className = `chart-key ${series.cls}`;
      const value = document.createElement("b");
      value.className = "num ml-auto pl-3";
      value.textContent = series.text[index];
      line.append(key, series.name, value);
      tip.append(line);
    }
    return tip;
  }

  placeTip(index) {
    const width = this.clientWidth;
    const x = AXIS_WIDTH + ((width - AXIS_WIDTH) * this.chart.points[index]) / 100;
    const fits = x + 12 + this.tip.offsetWidth <= width;
    this.tip.style.left = `${fits ? x + 12 : x - this.tip.offsetWidth - 12}px`;
    this.tip.style.top = "8px";
  }
}

customElements.define("hl-chart", Chart);
