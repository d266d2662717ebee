// A slider that shows what the daemon says, unless somebody is moving it.

import { make, throttled, write } from "./dom.js";

const STEPS = 200; // positions of a slider
const SEND_EVERY_MS = 60;
const SETTLE_MS = 700; // so long after a move, and until it is answered, the daemon's state is not believed
let count = 0;

/** scale: linear, log, or square (fine at the low end). text: value -> what is shown. send(value): resolves when it was
 * answered. */
export class Slider {
  constructor({ label, low, high, scale = "linear", text, hint, send }) {
    this.low = low;
    this.high = high;
    this.scale = scale;
    this.text = text;
    this._moved_ms = -Infinity;
    this._moves = 0;
    this._answered = 0; // the last move that the daemon has answered
    this._send = throttled(async (moves, value) => {
      await send(value);
      this._answered = Math.max(this._answered, moves);
    }, SEND_EVERY_MS);
    const id = `slider-${++count}`;
    this.input = make("input", { type: "range", id, min: 0, max: STEPS, step: 1, title: hint });
    this.output = make("output", { for: id });
    this.element = make("div", { class: "slider" }, make("label", { for: id }, label), this.output, this.input);
    this.input.addEventListener("input", () => this._move());
  }

  show(value) {
    if (this._answered < this._moves || performance.now() - this._moved_ms < SETTLE_MS) return;
    const place = String(Math.round(STEPS * this.share(value)));
    if (this.input.value !== place || !this.output.textContent) this.input.value = place;
    this._describe(value);
  }

  share(value) {
    const clipped = Math.min(Math.max(value, this.low), this.high);
    if (this.scale === "log") return Math.log(clipped / this.low) / Math.log(this.high / this.low);
    const share = (clipped - this.low) / (this.high - this.low);
    return this.scale === "square" ? Math.sqrt(share) : share;
  }

  get value() {
    const share = Number(this.input.value) / STEPS;
    if (this.scale === "log") return this.low * (this.high / this.low) ** share;
    return this.low + (this.scale === "square" ? share ** 2 : share) * (this.high - this.low);
  }

  _move() {
    this._moved_ms = performance.now();
    this._describe(this.value);
    this._send(++this._moves, this.value);
  }

  /** Let go: what the daemon says is believed at once. */
  settle() {
    this._moved_ms = -Infinity;
    this._answered = this._moves;
  }

  _describe(value) {
    const text = this.text(value);
    write(this.output, text);
    if (this.input.getAttribute("aria-valuetext") !== text) this.input.setAttribute("aria-valuetext", text);
    this.input.style.setProperty("--share", `${100 * this.share(value)}%`);
  }
}
