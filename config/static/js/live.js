/* <hl-live>: keeps the page current, says how fresh it is, and can be paused. */

import { Feed } from "./feed.js";
import { glide, lacksRows, nameIn, positions, refill, shown, swap } from "./rows.js";
import { toast } from "./toast.js";

const STATES = {
  open: "Live",
  polling: "Live, every 3 s",
  paused: "Paused",
  retry: "Reconnecting",
  "signed-out": "Signed out",
};
const LOST_AFTER = 4000;
const ANNOUNCE_EVERY = 10000;
const REFRESH_EVERY = 3000;
const FIGURES_EVERY = 15000;
const WATCH_AFTER = 250;
const REFILL_AFTER = 1000;

function spell(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 3600000) return `${Math.round(milliseconds / 60000)} min`;
  if (milliseconds < 172800000) return `${Math.round(milliseconds / 3600000)} h`;
  return `${Math.round(milliseconds / 86400000)} days`;
}

class Live extends HTMLElement {
  connectedCallback() {
    this.queue = [];
    this.applied = 0;
    this.changed = 0;
    this.pill = document.getElementById("live-pill");
    this.banner = document.getElementById("lost-banner");
    this.voice = this.querySelector("[aria-live]");
    this.heardAt = new Date();
    this.feed = new Feed({
      socket: this.getAttribute("src"),
      stream: this.getAttribute("stream"),
      since: this.getAttribute("since"),
      topics: this.getAttribute("topics").split(" "),
      after: Number(this.getAttribute("after")),
      shown,
      onMessages: (messages) => this.receive(messages),
      onState: (state, transport) => this.setState(state, transport),
      onReset: () => location.reload(),
    });
    lacksRows(); // from here on it is known what the board holds
    this.feed.open();

    this.toggle = document.querySelector("[data-live-toggle]");
    this.toggle?.addEventListener("click", () => this.pause(!this.paused));
    window.addEventListener("pagehide", () => this.feed.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.feed.open());
    window.addEventListener("online", () => this.feed.wake());
    document.body.addEventListener("htmx:afterSettle", () => this.watchLater());
    document.addEventListener("visibilitychange", () => !document.hidden && this.feed.wake());
  }

  disconnectedCallback() {
    this.feed.close();
  }

  setState(state, transport) {
    this.connection = state;
    this.dataset.state = state;
    this.dataset.transport = transport;
    this.showPill();

    clearTimeout(this.lostTimer);
    if (state === "open" || state === "polling") {
      this.heardAt = new Date();
      if (this.banner) this.banner.hidden = true;
    } else if (state === "signed-out") {
      this.showBanner("You were signed out. Reload the page to sign in again.");
    } else if (this.banner?.hidden) {
      this.lostTimer = setTimeout(() => this.showLost(), LOST_AFTER);
    }
  }

  showLost() {
    const time = this.heardAt.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.showBanner(`The live connection is lost. Showing data from ${time}; trying again.`);
  }

  showBanner(text) {
    if (!this.banner) return;
    this.banner.querySelector("[data-text]").textContent = text;
    this.banner.hidden = false;
  }

  showPill() {
    if (!this.pill) return;
    const state = this.paused && this.connection === "open" ? "paused" : this.connection;
    if (this.pill.dataset.state === state) return;
    this.pill.dataset.state = state;
    this.pill.querySelector("[data-text]").textContent = STATES[state];
  }

  pause(paused) {
    this.paused = paused;
    this.toggle.setAttribute("aria-pressed", String(paused));
    this.toggle.querySelector("[data-text]").textContent = paused ? "Resume" : "Pause";
    this.showPill();
    if (!paused) this.apply(this.queue.splice(0));
  }

  receive(messages) {
    this.dataset.lastId = String(this.feed.after);
    this.heardAt = new Date();
    if (this.paused) {
      this.queue.push(...messages);
      this.toggle.querySelector("[data-text]").textContent = `Resume (${this.queue.length})`;
      return;
    }
    this.apply(messages);
  }

  apply(messages) {
    if (!messages.length) return;
    const before = positions();
    let painted = null;
    for (const message of messages) {
      let isShown = false;
      for (const [target, fragment] of Object.entries(message.html ?? {})) {
        isShown = swap(target, fragment) || isShown;
      }
      if (!message.html && document.getElementById(`lead-${message.data.lead_id}`)) this.watchLater(message);
      if (message.type === "alert") this.alert(message);
      if (isShown) painted = message;
    }
    glide(before);
    if (painted) this.watchLater();
    if (lacksRows()) this.refillLater();

    this.applied += messages.length;
    this.dataset.applied = String(this.applied);
    if (painted) this.measure(painted);
    this.announceLater(messages.length);
    this.refreshLater(messages);
  }

  /* rows come and go: a moment later, tell which fragments are wanted now */
  watchLater(message) {
    if (message?.type === "score_update") this.missed = Math.min(this.missed ?? Infinity, message.id);
    this.watchTimer ??= setTimeout(() => {
      this.feed.watch(this.missed);
      this.watchTimer = this.missed = undefined;
    }, WATCH_AFTER);
  }

  /* screens ask at different moments */
  refillLater() {
    this.refillTimer ??= setTimeout(() => this.refill(), REFILL_AFTER * (0.5 + Math.random()));
  }

  async refill() {
    const address = new URL(location.href);
    address.searchParams.set("part", "board");
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" } });
      const fragment = await answer.text();
      if (answer.ok && !this.paused) {
        const before = positions();
        const number = refill(fragment);
        glide(before);
        this.feed.resend(number);
      }
    } catch {
      // the connection is lost, which is said already; the next update asks again
    } finally {
      this.refillTimer = undefined;
    }
  }

  alert(message) {
    if (message.data.state !== "open" || message.data.escalated) return;
    const [row] = Object.values(message.html ?? {});
    const name = row && nameIn(row);
    const text = name ? `${name} · ${message.data.reason}` : message.data.reason;
    toast({ text, href: `/agent/leads/${message.data.lead}/` });
  }

  /* event time to paint time: two frames on, the row is on the screen */
  measure(message) {
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const late = Math.max(0, Date.now() - Date.parse(message.event_at));
        this.dataset.freshness = String(late);
        for (const place of document.querySelectorAll("[data-freshness-text]")) {
          place.textContent = `Updated ${spell(late)} after the event`;
        }
      }),
    );
  }

  /* at most one spoken summary in ten seconds */
  announceLater(count) {
    this.changed += count;
    if (this.voiceTimer || !this.voice) return;
    this.voiceTimer = setTimeout(() => {
      this.voice.textContent = this.changed === 1 ? "One update arrived." : `${this.changed} updates arrived.`;
      this.changed = 0;
      this.voiceTimer = 0;
    }, ANNOUNCE_EVERY);
  }

  /* sections that are counted rather than pushed ask again, at most every few seconds */
  refreshLater(messages) {
    for (const message of messages) {
      this.pending = (this.pending ?? new Set()).add(message.type);
      const lead = message.data.lead_id ?? message.data.lead;
      this.pendingLeads = (this.pendingLeads ?? new Set()).add(String(lead));
    }
    if (this.refreshTimer) return;
    this.refreshTimer = setTimeout(() => {
      const types = this.pending;
      this.pending = null;
      this.refreshTimer = 0;
      this.refreshFigures();
      this.refreshLead();
      if (types.has("alert")) window.htmx?.trigger(document.body, "live:alert");
      if (types.has("message")) window.htmx?.trigger(document.body, "live:message");
    }, this.refreshed ? REFRESH_EVERY : 200);
    this.refreshed = true;
  }

  /* the page of one lead follows that lead; a reader deep in the timeline is left alone */
  refreshLead() {
    const page = document.querySelector("[data-live-lead]");
    const leads = this.pendingLeads ?? new Set();
    this.pendingLeads = null;
    if (!page || !leads.has(page.dataset.liveLead)) return;
    window.htmx?.trigger(document.body, "live:lead");
    const timeline = page.querySelector("[data-live-timeline]");
    if (timeline && timeline.children.length <= Number(timeline.dataset.liveTimeline) + 1) {
      window.htmx?.trigger(timeline, "live:timeline");
    }
  }

  /* counted figures cost the server more; screens ask at different moments */
  refreshFigures() {
    if (this.figuresTimer) return;
    this.figuresTimer = setTimeout(
      () => {
        this.figuresTimer = 0;
        window.htmx?.trigger(document.body, "live:slow");
      },
      FIGURES_EVERY * (0.5 + Math.random()),
    );
  }
}

customElements.define("hl-live", Live);
