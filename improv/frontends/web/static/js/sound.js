// Sound in the browser: the notes of the wire on the piano of this page.

import { now } from "./live.js";
import { Pedal } from "./pedal.js";
import { Piano, touchOf } from "./piano.js";

export const BEHIND_S = 0.06; // everything sounds so much later, so that what comes late over the wire keeps its rhythm
const SMOOTH = 0.03; // of the difference between the audio clock and the page's, which is read in lumps
const JUMP_S = 0.1;
const KEPT = "brainmusic-volume", FIRST_VOLUME = 0.9;

export class Sound {
  /** clock: the engine's clock as the page knows it. */
  constructor(clock) {
    this.clock = clock;
    this.on = false;
    this.volume = keptVolume();
    this.pedal = new Pedal((id, off_s) => this.on && this.piano.end(id, this._at(off_s)));
    this._behind_s = null; // audio clock minus page clock
  }

  /** From a click or a key: browsers ask for that. Throws a sentence when it cannot be. */
  async start() {
    if (!this.piano) {
      this._loading ??= this._load();
      try {
        this.piano = await this._loading;
      } finally {
        this._loading = null;
      }
    }
    await this.context.resume();
    this._behind_s = null;
    this.setVolume(this.volume);
    this.on = true;
  }

  stop() {
    this.on = false;
    this.piano?.silence();
    this.context?.suspend();
  }

  setVolume(volume) {
    this.volume = volume;
    try { localStorage.setItem(KEPT, volume); } catch { /* a browser that keeps nothing */ }
    this.piano?.volume.gain.setTargetAtTime(volume ** 2 * 1.6, this.context.currentTime, 0.02);
  }

  pedalled(pedals) { this.pedal.planned(pedals); }

  planned(notes) {
    this.pedal.struck(notes);
    if (!this.on) return;
    for (const { id, pitch, velocity, on_s } of notes) this.piano.begin(id, pitch, velocity, this._at(on_s));
  }

  ended(ends) { this.pedal.ended(ends); }

  revoked(from, kept) {
    this.pedal.revoked(from, kept);
    if (this.on) for (const id of [...this.piano.voices.keys()]) if (id >= from && !kept.includes(id)) this.piano.cut(id);
  }

  silenced() {
    this.pedal.clear();
    this.piano?.silence();
  }

  async _load() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    const piano = new Piano(this.context, await touchOf());
    await piano.load();
    return piano;
  }

  /** Second of the engine's clock -> second of the audio clock. */
  _at(engine_s) {
    const apart_s = this.context.currentTime - now();
    if (this._behind_s === null || Math.abs(apart_s - this._behind_s) > JUMP_S) this._behind_s = apart_s;
    this._behind_s += SMOOTH * (apart_s - this._behind_s);
    return this.clock.toPage(engine_s) + this._behind_s + BEHIND_S;
  }
}

/** The volume that this browser had last, 0..1. */
function keptVolume() {
  let kept = null;
  try { kept = localStorage.getItem(KEPT); } catch { /* as above */ }
  const volume = Number.parseFloat(kept);
  return volume >= 0 && volume <= 1 ? volume : FIRST_VOLUME;
}
