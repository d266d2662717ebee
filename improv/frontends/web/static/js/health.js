// Is the music on time, and does it reach an instrument?

import { by, make, write } from "./dom.js";

const ON_TIME_MS = 5, LATE_MS = 20; // 99th percentile: below the first nobody hears it, above the second everybody

const verdict = (p99_ms) => (p99_ms < ON_TIME_MS ? ["good", "on time"] : p99_ms < LATE_MS ? ["warn", "a little late"] : ["warn", "late"]);

const ROWS = [
  ["Timing", (state) => [verdict(state.lateness_p99_ms)[1], `median ${state.lateness_p50_ms.toFixed(2)} ms, 99 of 100 within ${state.lateness_p99_ms.toFixed(2)} ms`], (state) => verdict(state.lateness_p99_ms)[0]],
  ["Port", (state) => [state.connected ? "connected" : "no instrument", state.ports], (state) => (state.connected ? "good" : "")],
  ["Notes", (state) => [String(state.notes_planned), `${state.sounding} sounding, ${state.notes_dropped} left out as too late`]],
  ["Music", (state) => (state.degraded?.length ? ["degraded", state.degraded.join("; ")] : ["whole", "nothing is done without"]), (state) => (state.degraded?.length ? "warn" : "good")],
  ["Machine", (state) => [state.stalls ? `stood still ${state.stalls}×` : "steady", "moments in which this computer did nothing"], (state) => (state.stalls ? "warn" : "good")],
  ["Clock", (state) => (state.clock ? [`MIDI clock ${state.clock}`, `${state.clock_bpm.toFixed(1)} bpm`] : ["own tempo", "no MIDI clock arrives"]), (state) => (state.clock === "lost" ? "warn" : "")],
  ["Last knob", (_, __, knob) => (knob ? [`CC ${knob.control}`, `${knob.value} on channel ${knob.channel}`] : ["none yet", "turn one to see its number"])],
  ["Model", (state) => [state.model || "–", state.seed ? `seed ${state.seed}` : ""]],
  ["Sound here", (_, sound) => (sound.on ? ["on", `${sound.piano.voices.size} voices`] : ["off", "the piano of this page"])],
];

export class Health {
  constructor(sound) {
    this._sound = sound;
    this._knob = null;
    this._cells = ROWS.map(([name, texts, look]) => {
      const value = make("span"), more = make("small");
      const cell = make("dd", {}, value, more);
      by("health").append(make("div", {}, make("dt", {}, name), cell));
      return { value, more, cell, texts, look };
    });
  }

  /** A control change came in by MIDI. */
  turned(knob) { this._knob = knob; }

  show(state) {
    for (const { value, more, texts, look } of this._cells) {
      const [main, small] = texts(state, this._sound, this._knob);
      write(value, main);
      write(more, small ?? "");
      if (look) value.className = look(state);
    }
  }
}
