// The notes of the wire at a MIDI output of the browser (Web MIDI), as late as the page's piano. Off until it is chosen.

import { button, make } from "./dom.js";
import { now } from "./live.js";
import { Pedal } from "./pedal.js";
import { BEHIND_S } from "./sound.js";
import { t } from "./texts.js";

const AHEAD_S = 0.03; // what was handed over cannot be taken back: no sooner than needed
const LATE_S = 0.15; // what began longer ago is left out
const LONGEST_S = 30; // a note whose end never comes
const NOTE_ON = 0x90, NOTE_OFF = 0x80, CONTROL = 0xb0, ALL_NOTES_OFF = 123; // channel 1

export class MidiOut {
  /** clock: the engine's clock as the page knows it. say(sentence): tell the person. */
  constructor(clock, say) {
    this._clock = clock;
    this._say = say;
    this._access = this._output = this._ticker = null;
    this._waiting = new Map(); // id -> { pitch, velocity, on_s, off_s }: not handed over yet
    this._sounding = new Map(); // id -> the same, and sent_ms
    this._pedal = new Pedal((id, off_s) => this._endsAt(id, off_s));
    this._select = make("select", { id: "midi-out", onchange: () => this._choose(this._select.value) });
    this._look = button(t("midi_out.look"), { id: "midi-out-look", onclick: () => this._ask() });
    this._field = make("div", { class: "field" }, make("span", { class: "label" }, t("midi_out.label")), this._look);
    addEventListener("pagehide", () => this._choose(""));
  }

  /** The control for it, or null where the browser has no Web MIDI (it wants HTTPS, or this very computer). */
  get field() { return navigator.requestMIDIAccess ? this._field : null; }

  pedalled(pedals) { this._pedal.planned(pedals); }

  planned(notes) {
    this._pedal.struck(notes);
    if (!this._output) return;
    const now_s = this._clock.now();
    for (const { id, pitch, velocity, on_s } of notes)
      if (on_s > now_s - LATE_S) this._waiting.set(id, { pitch, velocity, on_s, off_s: on_s + LONGEST_S });
    this._turn();
  }

  ended(ends) { this._pedal.ended(ends); }

  revoked(from, kept) {
    this._pedal.revoked(from, kept);
    const gone = (id) => id >= from && !kept.includes(id);
    for (const id of [...this._waiting.keys()].filter(gone)) this._waiting.delete(id);
    for (const id of [...this._sounding.keys()].filter(gone)) this._end(id, 0);
  }

  /** Every note ends at once. */
  silenced() {
    this._pedal.clear();
    this._waiting.clear();
    for (const id of [...this._sounding.keys()]) this._end(id, 0);
  }

  _endsAt(id, off_s) {
    const note = this._waiting.get(id) ?? this._sounding.get(id);
    if (note) note.off_s = off_s;
  }

  // -------------------------------------------------------------------------------------------------------- sending

  /** Hand over what is due, in the order of time; of one moment the ends first. */
  _turn() {
    const until_s = this._clock.now() - BEHIND_S + AHEAD_S;
    for (;;) {
      const on = soonest(this._waiting, "on_s", until_s), off = soonest(this._sounding, "off_s", until_s);
      if (off && (!on || off[1].off_s <= on[1].on_s)) this._end(off[0], this._ms(off[1].off_s));
      else if (on) this._begin(...on);
      else return;
    }
  }

  _begin(id, note) {
    this._waiting.delete(id);
    note.sent_ms = Math.max(this._ms(note.on_s), performance.now());
    for (const [other, { pitch }] of this._sounding) if (pitch === note.pitch) this._end(other, note.sent_ms); // struck again
    this._sounding.set(id, note);
    this._send([NOTE_ON, note.pitch, note.velocity], note.sent_ms);
  }

  /** at_ms: 0 for at once, which is not before the note-on that was handed over. */
  _end(id, at_ms) {
    const { pitch, sent_ms } = this._sounding.get(id);
    this._sounding.delete(id);
    this._send([NOTE_OFF, pitch, 0], Math.max(at_ms, sent_ms, performance.now()));
  }

  _send(bytes, at_ms) {
    try {
      this._output?.send(bytes, at_ms);
    } catch { /* it was just unplugged; onstatechange tells */ }
  }

  _ms(engine_s) { return 1000 * (this._clock.toPage(engine_s) + BEHIND_S); }

  // ------------------------------------------------------------------------------------------------------- choosing

  async _ask() {
    this._look.disabled = true;
    try {
      this._access = await navigator.requestMIDIAccess();
    } catch {
      this._say(t("midi_out.refused"));
    }
    this._look.disabled = false;
    if (!this._access) return;
    this._access.onstatechange = () => this._draw();
    this._field.replaceChildren(make("label", { for: "midi-out" }, t("midi_out.label")), this._select);
    this._draw();
    this._select.focus();
  }

  _draw() {
    const outputs = [...this._access.outputs.values()].filter(({ state }) => state !== "disconnected");
    if (this._output && !outputs.includes(this._output)) {
      this._say(t("midi_out.gone", { name: this._output.name }));
      this._choose("");
    }
    this._select.replaceChildren(make("option", { value: "" }, t(outputs.length ? "midi_out.off" : "midi_out.none")),
      ...outputs.map(({ id, name }) => make("option", { value: id }, name ?? id)));
    this._select.value = this._output?.id ?? "";
  }

  _choose(id) {
    this.silenced();
    if (this._output) this._send([CONTROL, ALL_NOTES_OFF, 0], performance.now() + 1000 * AHEAD_S);
    this._output = this._access?.outputs.get(id) ?? null;
    this._select.value = this._output?.id ?? "";
    if (this._output && !this._ticker) {
      this._ticker = new Worker("static/js/ticker.js");
      this._ticker.onmessage = () => this._turn();
    } else if (!this._output) {
      this._ticker?.terminate();
      this._ticker = null;
    }
  }
}

/** The entry of a note with the least moment up to `until_s`, or null. */
function soonest(notes, moment, until_s) {
  let found = null;
  for (const entry of notes) if (entry[1][moment] <= until_s && !(found && found[1][moment] <= entry[1][moment])) found = entry;
  return found;
}
