// The mood pad: the plane of valence and arousal. Drag, arrow keys, or the buttons at its edges; a glide is seen moving.

import { calmMotion, by, makeSvg, throttled } from "./dom.js";
import { CORNERS, icon, moodName, nearest, rgb, theme, words } from "./moods.js";
import { t } from "./texts.js";

const SIDE = 400, INSET = 44; // of the drawing, in its own units; the corners of the plane lie INSET inside
const SEND_EVERY_MS = 50;
const SETTLE_MS = 600; // so long after a drag, and until it is answered, the daemon's target is not believed
const STEP = 0.1, FINE_STEP = 0.02;
const CHASE = 0.22; // share of the way that the dot makes in a frame: 20 states a second become a smooth way

const place = (valence, arousal) => [
  INSET + ((valence + 1) / 2) * (SIDE - 2 * INSET),
  INSET + ((1 - arousal) / 2) * (SIDE - 2 * INSET),
];
const clip = (value) => Math.min(Math.max(value, -1), 1);
const move = (element, [x, y]) => element.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);

const TEXT = 15, SMALLEST_PX = 12.5; // size of the names: in the drawing's units, and on the screen at least
const LETTER = 0.55, LINE = 1.25; // width and height that a name takes, of its size
// Where a name may stand beside its point: direction and distance. The dot in its ring must not cover it.
const SPOTS = [[0, -1, 24], [0, 1, 25], [1, 0, 22], [-1, 0, 22], [0, -1, 40], [0, 1, 41]];
const CORNER_SPOTS = [[1, 0, 30], [-1, 0, 30], [0, -1, 25], [0, 1, 25]];
const around = ([x, y], wide, high) => ({ left: x - wide, right: x + wide, top: y - high, bottom: y + high });
const meet = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

/** The first spot at which a name of that size meets nothing and stays inside, or undefined. */
function free(name, [x, y], size, spots, taken) {
  const half = (name.length * LETTER * size) / 2, scale = size / TEXT;
  const all = spots.map(([right, down, apart]) => {
    const centre = [x + right * (scale * apart + half), y + down * scale * apart];
    return { x: centre[0], y: centre[1], box: around(centre, half, (LINE * size) / 2) };
  });
  const inside = all.filter(({ box }) => box.left > 4 && box.right < SIDE - 4 && box.top > 4 && box.bottom < SIDE - 4);
  return inside.find(({ box }) => !taken.some((other) => meet(box, other)));
}

export class Pad {
  /** send(valence, arousal): somebody asks for a point. */
  constructor(send) {
    this.element = by("pad");
    this.moods = CORNERS;
    this.mood = [0, 0];
    this.target = [0, 0];
    this._shown = null; // where the dot is drawn
    this._dragged_ms = -Infinity;
    this._moves = 0;
    this._answered = 0; // the last move that the daemon has answered
    this._send = throttled(async (moves, ...point) => {
      await send(...point);
      this._answered = Math.max(this._answered, moves);
    }, SEND_EVERY_MS);
    this._text = TEXT;
    this._listen();
    this.paint();
    new ResizeObserver(() => this._fit()).observe(this.element);
  }

  /** On a small pad the names are drawn larger, so that they can be read. */
  _fit() {
    const text = Math.round(Math.max(TEXT, (SMALLEST_PX * SIDE) / (this.element.clientWidth || SIDE)));
    if (text === this._text) return;
    this._text = text;
    this.element.style.setProperty("--pad-text", `${text}px`);
    this.showMoods(this.moods);
  }

  /** What the daemon says: where the mood is and where it goes. */
  show(state) {
    this.mood = [state.valence, state.arousal];
    if (this._answered === this._moves && performance.now() - this._dragged_ms > SETTLE_MS) this.target = [state.target_valence, state.target_arousal];
    this._shown ??= [...this.mood];
    this.showJourney((state.journey ? state.journey_path : []).map(([, ...point]) => point));
    this._run();
    this._describe();
  }

  showMoods(moods) {
    this.moods = moods;
    const size = this._text, scale = size / TEXT;
    const sorted = Object.entries(moods).sort(([one], [other]) => (other in CORNERS) - (one in CORNERS));
    const taken = sorted.map(([, point]) => around(place(...point), 9 * scale, 9 * scale));
    const names = sorted.map(([name, point], index) => {
      const [x, y] = place(...point), corner = name in CORNERS;
      const spot = free(moodName(name), [x, y], size, corner ? CORNER_SPOTS : SPOTS, taken.filter((_, other) => other !== index));
      if (spot) taken.push(spot.box);
      const sign = corner
        ? makeSvg("use", { href: icon(name), x: -11 * scale, y: -11 * scale, width: 22 * scale, height: 22 * scale, "stroke-width": 2 })
        : makeSvg("circle", { r: 4.5 * scale });
      const text = spot && makeSvg("text", { x: spot.x - x, y: spot.y - y + size / 3, "text-anchor": "middle" }, moodName(name)); // else its button tells
      return makeSvg("g", { class: "pad-name", transform: `translate(${x} ${y})` }, sign, text);
    });
    by("pad-names").replaceChildren(...names);
  }

  /** points: [[valence, arousal], ...] of the journey, or empty. */
  showJourney(points) {
    const key = JSON.stringify(points);
    if (key === this._journey) return;
    this._journey = key;
    const places = points.map((point) => place(...point));
    by("pad-journey").replaceChildren(
      makeSvg("polyline", { class: "journey-path", points: places.map((at) => at.join(",")).join(" ") }),
      ...places.map(([cx, cy]) => makeSvg("circle", { class: "journey-stop", cx, cy, r: 5.5 })),
    );
  }

  /** The ground: every point in the colour of its mood. Painted small, the browser smooths it. */
  paint() {
    const canvas = by("pad-field"), size = canvas.width;
    const context = canvas.getContext("2d"), image = context.createImageData(size, size);
    const inside = (index) => clip((index / (size - 1) - INSET / SIDE) / (1 - (2 * INSET) / SIDE) * 2 - 1);
    for (let y = 0, byte = 0; y < size; y++)
      for (let x = 0; x < size; x++, byte += 4) {
        const grain = Math.random() - 0.5; // so that the smooth ground shows no bands
        image.data.set(rgb(inside(x), -inside(y), theme(), "field").map((part) => Math.round(part + grain)), byte);
        image.data[byte + 3] = 255;
      }
    context.putImageData(image, 0, 0);
  }

  _listen() {
    const pad = this.element;
    pad.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      pad.setPointerCapture(event.pointerId);
      pad.focus({ preventScroll: true });
      this._drag(event);
      event.preventDefault();
    });
    pad.addEventListener("pointermove", (event) => pad.hasPointerCapture(event.pointerId) && this._drag(event));
    pad.addEventListener("keydown", (event) => this._key(event));
    for (const nudge of document.querySelectorAll("[data-nudge]")) {
      const [right, up] = nudge.dataset.nudge.split(" ").map(Number);
      nudge.addEventListener("click", () => this._go(this.target[0] + right * STEP, this.target[1] + up * STEP));
    }
  }

  _drag(event) {
    const box = this.element.getBoundingClientRect();
    const along = (position, length) => ((position / length) * SIDE - INSET) / (SIDE - 2 * INSET) * 2 - 1;
    this._go(along(event.clientX - box.left, box.width), -along(event.clientY - box.top, box.height));
  }

  _key(event) {
    const step = event.shiftKey ? FINE_STEP : STEP;
    const [valence, arousal] = this.target;
    const goals = {
      ArrowLeft: [valence - step, arousal], ArrowRight: [valence + step, arousal],
      ArrowDown: [valence, arousal - step], ArrowUp: [valence, arousal + step],
      Home: [0, 0],
    };
    if (!(event.key in goals)) return;
    event.preventDefault();
    this._go(...goals[event.key]);
  }

  _go(valence, arousal) {
    this._dragged_ms = performance.now();
    this.target = [Math.round(clip(valence) * 1000) / 1000, Math.round(clip(arousal) * 1000) / 1000];
    this._send(++this._moves, ...this.target);
    this._run();
    this._describe();
  }

  _run() { this._frame ??= requestAnimationFrame(() => this._draw()); }

  _draw() {
    this._frame = null;
    this._shown ??= [...this.mood];
    const apart = Math.hypot(this.mood[0] - this._shown[0], this.mood[1] - this._shown[1]);
    const share = calmMotion.matches || apart < 0.002 ? 1 : CHASE;
    this._shown = this._shown.map((shown, axis) => shown + share * (this.mood[axis] - shown));
    const dot = place(...this._shown), goal = place(...this.target);
    move(by("pad-dot"), dot);
    move(by("pad-target"), goal);
    const way = by("pad-way");
    for (const [name, value] of [["x1", dot[0]], ["y1", dot[1]], ["x2", goal[0]], ["y2", goal[1]]]) way.setAttribute(name, value.toFixed(2));
    if (share < 1) this._run();
  }

  _describe() {
    const [valence, arousal] = this.target;
    const text = t("mood.nearest", { words: words(valence, arousal), mood: moodName(nearest(this.moods, valence, arousal).name) });
    if (this.element.getAttribute("aria-valuetext") === text) return;
    this.element.setAttribute("aria-valuenow", valence.toFixed(2));
    this.element.setAttribute("aria-valuetext", text);
  }
}
