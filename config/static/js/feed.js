/* Where live messages come from: a WebSocket, else server-sent events, else asking every few seconds.
   All three serve the same numbered messages, so each resumes after the last one seen. */

const MAX_WAIT = 30000;
const FAILURES_BEFORE_FALLBACK = 4;
const POLL_EVERY = 3000;
const TRY_SOCKET_AGAIN = 30000;
const SILENCE = 75000; // two heartbeats missed
const SIGNED_OUT = 4401;

/* full jitter: a random wait, so that a thousand screens do not come back at once */
export function backoff(failures) {
  return Math.random() * Math.min(MAX_WAIT, 500 * 2 ** failures);
}

export class Feed {
  constructor({ socket, stream, since, topics, after, shown, onMessages, onState, onReset }) {
    Object.assign(this, { socket, stream, since, topics, after, shown, onMessages, onState, onReset });
    this.failures = 0;
    this.again = 0;
    this.transport = "none";
  }

  open() {
    this.stopped = false;
    if (this.failures >= FAILURES_BEFORE_FALLBACK && this.stream) this.openStream();
    else this.openSocket();
  }

  close() {
    this.stopped = true;
    clearTimeout(this.retryTimer);
    clearTimeout(this.pollTimer);
    clearTimeout(this.silenceTimer);
    clearTimeout(this.upgradeTimer);
    this.web?.close();
    this.events?.close();
    this.web = this.events = null;
    this.transport = "none";
  }

  /* a tab that comes back to the front does not wait out its back-off */
  wake() {
    if (this.stopped || this.transport !== "none") return;
    clearTimeout(this.retryTimer);
    this.failures = 0;
    this.openSocket();
  }

  openSocket({ quietly = false } = {}) {
    const url = new URL(this.socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const web = new WebSocket(url);
    this.web = web;
    web.onopen = () => {
      if (this.stopped) return;
      this.leaveFallback();
      this.failures = 0;
      this.transport = "websocket";
      this.subscribe(this.after);
      this.heard();
      this.onState("open", this.transport);
    };
    web.onmessage = (event) => {
      this.heard();
      this.receive(JSON.parse(event.data));
    };
    web.onclose = (event) => {
      if (this.web !== web || this.stopped) return;
      clearTimeout(this.silenceTimer);
      if (event.code === SIGNED_OUT) {
        this.close();
        this.onState("signed-out", "none");
        return;
      }
      if (quietly && this.transport !== "websocket") {
        this.upgradeLater();
        return;
      }
      this.transport = "none";
      this.retry();
    };
  }

  /* fragments come for what the page shows; asked again when that has changed */
  subscribe(after) {
    const html = this.shown();
    this.asked = JSON.stringify(html);
    this.web.send(JSON.stringify({ type: "subscribe", topics: this.topics, after, batch: true, html }));
  }

  /* `missed` is the number of a message whose fragment was needed after all: scores since are sent again, with it */
  watch(missed = Infinity) {
    if (this.transport !== "websocket") return;
    if (missed > this.again && missed <= this.after) this.resend(missed - 1);
    else if (JSON.stringify(this.shown()) !== this.asked) this.subscribe(this.after);
  }

  /* rows were read when `number` was the last message: scores since come again, with fragments for them */
  resend(number) {
    if (this.transport !== "websocket") return;
    if (number < this.after) this.again = this.after;
    this.subscribe(Math.min(number, this.after));
  }

  retry() {
    this.onState("retry", "none");
    const wait = backoff(this.failures);
    this.failures += 1;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.open(), wait);
  }

  /* a socket that says nothing for two heartbeats is dead, whatever the browser thinks */
  heard() {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.web?.close(), SILENCE);
  }

  receive(frame) {
    const messages = Array.isArray(frame) ? frame : [frame];
    const fresh = [];
    for (const message of messages) {
      if (message.type === "ping") this.web?.send('{"type":"pong"}');
      else if (message.type === "reset") {
        this.onReset();
        return;
      } else if (message.id > this.after) {
        this.after = message.id;
        fresh.push(message);
      } else if (message.type === "score_update" && message.html && message.id <= this.again) {
        fresh.push(message);
      }
    }
    if (fresh.length) this.onMessages(fresh);
  }

  address(path) {
    const url = new URL(path, location.href);
    url.searchParams.set("after", this.after);
    url.searchParams.set("topics", this.topics.join(","));
    url.searchParams.set("html", "1");
    return url;
  }

  openStream() {
    this.web = null;
    const events = new EventSource(this.address(this.stream));
    this.events = events;
    events.onopen = () => {
      this.transport = "stream";
      this.onState("open", this.transport);
      this.upgradeLater();
    };
    events.onmessage = (event) => {
      this.receive(JSON.parse(event.data));
      this.after = Math.max(this.after, Number(event.lastEventId) || 0);
    };
    events.onerror = () => {
      if (this.events !== events || this.stopped) return;
      events.close(); // the browser would come back with the number it began with
      this.events = null;
      this.transport = "none";
      this.poll();
    };
  }

  async poll() {
    clearTimeout(this.pollTimer);
    if (this.stopped) return;
    try {
      const answer = await fetch(this.address(this.since), { headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403 || answer.redirected) {
        this.close();
        this.onState("signed-out", "none");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      if (this.stopped || this.transport === "websocket") return;
      this.transport = "polling";
      this.onState("polling", this.transport);
      if (body.reset) this.onReset();
      else {
        this.receive(body.messages);
        this.after = Math.max(this.after, body.last);
      }
      this.upgradeLater();
      this.pollTimer = setTimeout(() => this.poll(), POLL_EVERY);
    } catch {
      if (this.stopped || this.transport === "websocket") return;
      this.transport = "none";
      this.onState("retry", "none");
      this.failures += 1;
      this.pollTimer = setTimeout(() => this.poll(), Math.max(1000, backoff(this.failures)));
    }
  }

  upgradeLater() {
    clearTimeout(this.upgradeTimer);
    this.upgradeTimer = setTimeout(() => this.openSocket({ quietly: true }), TRY_SOCKET_AGAIN);
  }

  leaveFallback() {
    clearTimeout(this.upgradeTimer);
    clearTimeout(this.pollTimer);
    this.events?.close();
    this.events = null;
  }
}
