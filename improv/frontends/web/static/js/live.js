// The wire to the daemon: one WebSocket that opens itself again, commands with answers, and the engine's clock.

import { t } from "./texts.js";

const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 4000;
const ANSWER_WITHIN_MS = 5000;
const CLOCK_WINDOW_S = 5; // the least delayed message of the last one or two windows sets the clock

export const now = () => performance.now() / 1000; // seconds of the page's own clock

/** Seconds of the engine's clock <-> seconds of the page's: a message can only be late, so the least delay is right. */
export class EngineClock {
  constructor() { this.reset(); }

  reset() {
    this._least = this._before = Infinity;
    this._since = -Infinity;
  }

  heard(engine_s, page_s = now()) {
    if (page_s - this._since > CLOCK_WINDOW_S) {
      this._before = this._least;
      this._least = Infinity;
      this._since = page_s;
    }
    this._least = Math.min(this._least, page_s - engine_s);
  }

  get offset_s() { return Math.min(this._least, this._before); }
  get known() { return Number.isFinite(this.offset_s); }
  toPage(engine_s) { return engine_s + this.offset_s; }
  now() { return now() - this.offset_s; }
}

export class Live {
  constructor(url) {
    this.url = url;
    this.clock = new EngineClock();
    this.hello = null; // what the daemon said of itself when the wire opened
    this.state = null;
    this.link = "opening"; // opening | open | lost
    this._listeners = new Map();
    this._waiting = new Map(); // id of a command -> what waits for its answer
    this._id = 0;
    this._wait_ms = FIRST_WAIT_MS;
    addEventListener("online", () => this._soon());
    document.addEventListener("visibilitychange", () => document.hidden || this._soon());
  }

  /** kind: hello, state, notes, pedals, ends, revoked, silence, person, or of this page's own: link, closed (each time the wire could not be opened or broke). */
  on(kind, listener) {
    this._listeners.set(kind, [...(this._listeners.get(kind) ?? []), listener]);
    return this;
  }

  open() {
    clearTimeout(this._timer);
    this._timer = null;
    const socket = (this._socket = new WebSocket(this.url));
    socket.onmessage = ({ data }) => this._take(JSON.parse(data));
    socket.onclose = () => socket === this._socket && this._closed();
  }

  /** The row of a command in the daemon's table, or undefined. */
  row(name) { return this.hello?.commands.find((row) => row.name === name); }

  /** Send a command; resolves when the engine took it, rejects with its sentence. */
  send(command, values = {}) {
    if (this.link !== "open") return Promise.reject(new Error(t("link.not_connected")));
    const id = ++this._id;
    this._socket.send(JSON.stringify({ id, command, ...values, from: "page" }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this._answer({ id, ok: false, error: t("link.no_answer") }), ANSWER_WITHIN_MS);
      this._waiting.set(id, { resolve, reject, timer });
    });
  }

  _take(message) {
    if (message.kind === "hello") this.clock.reset();
    if (message.now_s !== undefined) this.clock.heard(message.now_s);
    if (message.kind === "hello") {
      this.hello = message;
      this.state = message.state;
      this._wait_ms = FIRST_WAIT_MS;
      this._turn("open");
    } else if (message.kind === "state") {
      this.state = message.state ?? message;
    } else if (message.kind === "answer") {
      this._answer(message);
    }
    this._tell(message.kind, message);
    if (message.kind === "hello") this._tell("state", message);
  }

  _answer({ id, ok, error }) {
    const waiting = this._waiting.get(id);
    if (!waiting) return;
    this._waiting.delete(id);
    clearTimeout(waiting.timer);
    if (ok) waiting.resolve();
    else waiting.reject(new Error(error));
  }

  _closed() {
    this._turn(this.hello ? "lost" : "opening");
    this._tell("closed", {});
    for (const id of [...this._waiting.keys()]) this._answer({ id, ok: false, error: t("link.broken") });
    this._timer = setTimeout(() => this.open(), this._wait_ms * (0.8 + 0.4 * Math.random()));
    this._wait_ms = Math.min(this._wait_ms * 1.7, LONGEST_WAIT_MS);
  }

  _soon() { if (this._timer) this.open(); }

  _turn(link) {
    if (link === this.link) return;
    this.link = link;
    this._tell("link", { link });
  }

  _tell(kind, message) {
    for (const listener of this._listeners.get(kind) ?? []) listener(message);
  }
}
