// The sustain pedal of the wire: which strings it holds, and so when their dampers fall.

export class Pedal {
  /** release: told of the id of a note and the second of the engine's clock at which its damper falls; may come again. */
  constructor(release) {
    this._release = release;
    this._spans = new Map(); // id -> { on_s, off_s (null: not known yet), held: id of a note -> { pitch, off_s } }
    this._pitches = new Map(); // id of a note -> its pitch
  }

  planned(pedals) {
    for (const { id, on_s, off_s = null } of pedals) this._spans.set(id, { on_s, off_s, held: new Map() });
    while (this._spans.size > 16) this._spans.delete(this._spans.keys().next().value);
  }

  /** A key that is struck again silences what its string held. */
  struck(notes) {
    for (const { id, pitch, on_s } of notes) {
      this._pitches.set(id, pitch);
      for (const { held } of this._spans.values())
        for (const [other, note] of held)
          if (note.pitch === pitch && note.off_s <= on_s) {
            held.delete(other);
            this._release(other, on_s);
          }
    }
    while (this._pitches.size > 512) this._pitches.delete(this._pitches.keys().next().value);
  }

  /** Keys come up, and the pedal, whose ids are of one count. */
  ended(ends) {
    for (const [id, off_s] of ends) {
      const span = this._spans.get(id);
      if (span) {
        span.off_s = off_s;
        for (const [note, { off_s: up_s }] of span.held) this._release(note, Math.max(off_s, up_s));
      } else this._let(id, off_s);
    }
  }

  /** A pedal that will not go down holds nothing. */
  revoked(from, kept) {
    for (const [id, span] of this._spans)
      if (id >= from && !kept.includes(id)) {
        this._spans.delete(id);
        for (const [note, { off_s }] of span.held) this._let(note, off_s);
      }
  }

  clear() {
    this._spans.clear();
    this._pitches.clear();
  }

  _let(id, off_s) {
    for (const { held } of this._spans.values()) held.delete(id);
    const span = [...this._spans.values()].find((one) => one.on_s <= off_s && (one.off_s === null || off_s < one.off_s));
    if (!span) return this._release(id, off_s);
    span.held.set(id, { pitch: this._pitches.get(id), off_s });
    if (span.off_s !== null) this._release(id, span.off_s);
  }
}
