// The live piano roll: what was played, what sounds, what is planned, and what the person plays.

import { by } from "./dom.js";
import { colour, theme } from "./moods.js";

const KEYS_WIDTH = 30; // at the left edge, for the names of the octaves
const AHEAD_SHARE = 0.14; // of the width lies right of "now"
const PLANNED_SHARE = 0.4, PLANNED_MOST_S = 5; // more of it where there is a plan to be seen
const LABELS_HEIGHT = 20, LABEL_GAP = 6; // above the notes, for the chords
const MARK_EASE = 0.15; // share of the way in a frame to where a planned line is now expected
const PIXELS_PER_S = 92;
const PEDAL_HEIGHT = 3; // at the lower edge: where the sustain pedal is down
const LONGEST_NOTE_S = 30; // a note whose end never came is not drawn longer
const MOST_NOTES = 2000, FORGOTTEN_S = 30;
const FEWEST_KEYS = 40, MARGIN_KEYS = 3;
const EASE = 0.06; // share of the way to a new range of keys in a frame

export class Roll {
  /** clock: the engine's clock as the page knows it. */
  constructor(clock) {
    this.clock = clock;
    this.canvas = by("roll");
    this.context = this.canvas.getContext("2d");
    this.notes = new Map(); // id -> note
    this.pedals = new Map(); // id -> where the sustain pedal is down, off_s null while its end is not known
    this.marks = []; // of the plan: bar lines, phrases, chords, with the moment that is drawn on its way to the expected one
    this.ahead = 0; // share of the width that lies right of "now"
    this.person = []; // what the person played; off_s is null while the key is down
    this.drawn = 0; // notes of the engine that have begun and were drawn so far
    this.mood = [0, 0];
    this._range = [44, 84];
    new ResizeObserver(() => this._fit()).observe(this.canvas);
    this._fit();
    this.restyle();
    requestAnimationFrame(() => this._frame());
  }

  // ------------------------------------------------------------------------------------------------- what happens

  planned(notes) {
    if (this.notes.size > MOST_NOTES) this._forget({ first_s: this.clock.now() - FORGOTTEN_S }); // no frame comes while nobody looks
    for (const { id, pitch, velocity, on_s, off_s = null } of notes)
      this.notes.set(id, { pitch, velocity, on_s, off_s, mood: this.mood, colour: this._colour(this.mood), drawn: this.notes.get(id)?.drawn ?? false });
  }

  pedalled(pedals) { for (const { id, on_s, off_s = null } of pedals) this.pedals.set(id, { on_s, off_s }); }

  ended(ends) {
    for (const [id, off_s] of ends) {
      const span = this.notes.get(id) ?? this.pedals.get(id);
      if (span) span.off_s = off_s;
    }
  }

  /** Planned notes that will not come: all from an id on but those that were sent already. */
  revoked(from, kept) {
    for (const id of this.pedals.keys()) if (id >= from && !kept.includes(id)) this.pedals.delete(id);
    for (const [id, note] of this.notes)
      if (id >= from && !kept.includes(id)) {
        this.notes.delete(id);
        if (note.drawn) this.canvas.dataset.drawn = --this.drawn; // its time had come, but the machine stood still
      }
  }

  /** Everything that sounds ends; what was planned but not begun had been revoked before. */
  silenced(now_s) {
    for (const span of [...this.notes.values(), ...this.pedals.values()])
      if (span.off_s === null || span.off_s > now_s) span.off_s = Math.max(now_s, span.on_s);
  }

  played({ pitch, velocity, at_s }) {
    for (const note of this.person) if (note.pitch === pitch && note.off_s === null) note.off_s = at_s;
    if (velocity > 0) this.person.push({ pitch, velocity, on_s: at_s, off_s: null });
  }

  /** Places of the plan that are still to come; those behind stay as they were. */
  foreseen(ahead, has_plan) {
    this.hasPlan = has_plan;
    const now_s = this.clock.known ? this.clock.now() : 0;
    const coming = ahead.map(([at_s, kind, chord, key, cadence, section]) => ({ at_s, drawn_s: at_s, kind, chord, key, cadence, section }));
    const before = this.marks.filter((mark) => mark.at_s > now_s);
    coming.forEach((mark, index) => { if (before[index]?.chord === mark.chord && before[index].kind === mark.kind) mark.drawn_s = before[index].drawn_s; });
    const first_s = coming[0]?.at_s ?? Infinity;
    this.marks = [...this.marks.filter((mark) => mark.at_s <= now_s && mark.at_s < first_s - 0.05), ...coming];
  }

  clear() {
    this.notes.clear();
    this.pedals.clear();
    this.marks = [];
    this.person = [];
  }

  // ------------------------------------------------------------------------------------------------------ drawing

  /** After the theme changed. */
  restyle() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    this.look = { ink: value("--ink"), soft: value("--soft"), line: value("--line"), edge: value("--edge"), dark: theme() === "dark" };
    for (const note of this.notes.values()) note.colour = this._colour(note.mood);
  }

  _colour(mood) { return colour(mood[0], mood[1], theme(), "note"); }

  _fit() {
    const ratio = devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (this.canvas.width === width && this.canvas.height === height) return;
    [this.canvas.width, this.canvas.height] = [width, height];
  }

  _frame() {
    requestAnimationFrame(() => this._frame());
    const ratio = devicePixelRatio || 1;
    const width = this.canvas.width / ratio, height = this.canvas.height / ratio;
    if (!width || !height) return;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    const now_s = this.clock.known ? this.clock.now() : 0;
    this.ahead = this.hasPlan ? Math.max(Math.min(PLANNED_SHARE, PLANNED_MOST_S * PIXELS_PER_S / width), AHEAD_SHARE) : AHEAD_SHARE;
    const now_x = width * (1 - this.ahead), top = this.hasPlan ? LABELS_HEIGHT : 0;
    const view = { width, height, top, now_s, now_x, first_s: now_s - now_x / PIXELS_PER_S };
    this._follow();
    view.key = (height - top) / (this._range[1] - this._range[0] + 1);
    view.y = (pitch) => top + (this._range[1] - pitch) * view.key;
    this._ground(view);
    this.context.save();
    this.context.beginPath();
    this.context.rect(KEYS_WIDTH, 0, width, height);
    this.context.clip();
    this._plan(view);
    this._pedal(view);
    for (const note of this.notes.values()) this._note(note, view);
    for (const note of this.person) this._personal(note, view);
    this.context.restore();
    this._now(view);
    this._forget(view); // at last: what came and went while no frame was drawn has been seen by this one
  }

  _forget({ first_s }) {
    const gone = (note) => (note.off_s ?? note.on_s + LONGEST_NOTE_S) < first_s;
    for (const spans of [this.notes, this.pedals]) for (const [id, span] of spans) if (gone(span)) spans.delete(id);
    if (this.marks.length && this.marks[0].at_s < first_s) this.marks = this.marks.filter((mark) => mark.at_s >= first_s);
    if (this.person.some(gone)) this.person = this.person.filter((note) => !gone(note));
  }

  /** The range of keys follows the music without a jolt. */
  _follow() {
    let low = 127, high = 0;
    for (const { pitch } of [...this.notes.values(), ...this.person]) [low, high] = [Math.min(low, pitch), Math.max(high, pitch)];
    if (low > high) return;
    [low, high] = [low - MARGIN_KEYS, high + MARGIN_KEYS];
    const missing = Math.max(0, FEWEST_KEYS - (high - low));
    const goal = [low - missing / 2, high + missing / 2];
    this._range = this._range.map((edge, index) => edge + EASE * (goal[index] - edge));
  }

  _ground({ width, height, key, y }) {
    const context = this.context;
    context.strokeStyle = this.look.line;
    context.fillStyle = this.look.soft;
    context.lineWidth = 1;
    context.font = "500 11px Figtree, sans-serif";
    for (let octave = 0; octave <= 9; octave++) {
      const bottom = y(12 * octave + 12) + key; // lower edge of the key C
      if (bottom < 8 || bottom > height) continue;
      context.beginPath();
      context.moveTo(KEYS_WIDTH, bottom);
      context.lineTo(width, bottom);
      context.stroke();
      context.fillText(`C${octave}`, 2, bottom + 4);
    }
  }

  /** Bar lines, a double line where a phrase begins, and the name of each chord above its place. */
  _plan({ width, height, top, now_s, now_x }) {
    const context = this.context;
    context.font = "600 12px Figtree, sans-serif";
    let free_x = KEYS_WIDTH;
    for (const mark of this.marks) {
      mark.drawn_s += MARK_EASE * (mark.at_s - mark.drawn_s);
      const x = now_x + (mark.drawn_s - now_s) * PIXELS_PER_S;
      if (x > width) continue;
      context.globalAlpha = mark.at_s > now_s ? 1 : 0.45;
      this._line(mark.kind, x, top, height);
      const label = [mark.key && `${mark.key}:`, mark.chord].filter(Boolean).join(" ");
      if (!label || x < free_x) continue;
      context.fillStyle = mark.at_s > now_s ? this.look.ink : this.look.soft;
      context.fillText(label, x, 14);
      free_x = x + context.measureText(label).width + LABEL_GAP;
    }
    context.globalAlpha = 1;
  }

  _line(kind, x, top, height) {
    const context = this.context;
    context.strokeStyle = kind === "chord" ? this.look.line : this.look.edge;
    context.lineWidth = kind === "phrase" ? 2 : 1;
    context.setLineDash(kind === "chord" ? [2, 5] : []);
    for (const shift of kind === "phrase" ? [0, -4] : [0]) {
      context.beginPath();
      context.moveTo(x + shift, top);
      context.lineTo(x + shift, height);
      context.stroke();
    }
    context.setLineDash([]);
  }

  _note(note, view) {
    const from = view.now_x + (note.on_s - view.now_s) * PIXELS_PER_S;
    if (from > view.width) return;
    const planned = note.on_s > view.now_s;
    if (!planned && !note.drawn) {
      note.drawn = true;
      this.canvas.dataset.drawn = ++this.drawn;
    }
    const last_s = note.off_s ?? Math.max(view.now_s, note.on_s + 0.12);
    const sounding = !planned && last_s >= view.now_s - 0.02;
    const end_s = sounding ? Math.max(last_s, view.now_s) : last_s;
    const to = Math.min(view.now_x + (end_s - view.now_s) * PIXELS_PER_S, view.width);
    const context = this.context, loud = note.velocity / 127;
    if (sounding) {
      context.fillStyle = note.colour;
      context.globalAlpha = 0.22;
      this._bar(from - 3, view.y(note.pitch) - 3, to - from + 6, view.key + 6);
      context.fill();
    }
    this._bar(from, view.y(note.pitch), Math.max(to - from, 4), view.key);
    context.fillStyle = context.strokeStyle = note.colour;
    if (planned) {
      context.globalAlpha = 0.95;
      context.lineWidth = 1.5;
      context.stroke();
    } else {
      context.globalAlpha = sounding ? 1 : 0.28 + 0.5 * loud;
      context.fill();
      if (sounding) {
        context.strokeStyle = this.look.ink;
        context.lineWidth = 1.5;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  _pedal({ width, height, now_s, now_x }) {
    this.context.fillStyle = this.look.soft;
    for (const { on_s, off_s } of this.pedals.values()) {
      const from = now_x + (on_s - now_s) * PIXELS_PER_S, end_s = off_s ?? Math.max(now_s, on_s);
      const to = Math.min(now_x + (end_s - now_s) * PIXELS_PER_S, width);
      if (to > from) this.context.fillRect(from, height - PEDAL_HEIGHT, to - from, PEDAL_HEIGHT);
    }
  }

  /** A person's note: hatched and outlined, so that it is told apart without colour. */
  _personal(note, view) {
    const from = view.now_x + (note.on_s - view.now_s) * PIXELS_PER_S;
    const to = view.now_x + ((note.off_s ?? view.now_s) - view.now_s) * PIXELS_PER_S;
    const context = this.context, top = view.y(note.pitch), length = Math.max(to - from, 5);
    context.save();
    this._bar(from, top, length, view.key);
    context.strokeStyle = this.look.ink;
    context.lineWidth = 1.5;
    context.stroke();
    context.clip();
    context.beginPath();
    for (let x = from - (from % 6) - view.key; x < from + length; x += 6) {
      context.moveTo(x, top + view.key);
      context.lineTo(x + view.key, top);
    }
    context.stroke();
    context.restore();
  }

  _bar(x, y, length, key) {
    const thick = Math.max(key - 1.5, 3);
    this.context.beginPath();
    this.context.roundRect(x, y + (key - thick) / 2, length, thick, Math.min(thick / 2, 4));
  }

  _now({ now_x, height }) {
    this.context.fillStyle = this.look.ink;
    this.context.globalAlpha = 0.55;
    this.context.fillRect(now_x - 0.75, 0, 1.5, height);
    this.context.globalAlpha = 1;
  }
}
