// Is the music on time, and does it reach an instrument?

import { by, make, write } from "./dom.js";
import { dayAndTime, named, t } from "./texts.js";

const ON_TIME_MS = 5, LATE_MS = 20; // 99th percentile: below the first nobody hears it, above the second everybody

const verdict = (p99_ms) => (p99_ms < ON_TIME_MS ? ["good", t("health.on_time")] : p99_ms < LATE_MS ? ["warn", t("health.little_late")] : ["warn", t("health.late")]);

const ROWS = [
  [t("health.timing"), (state) => [verdict(state.lateness_p99_ms)[1], t("health.lateness", { median: state.lateness_p50_ms.toFixed(2), most: state.lateness_p99_ms.toFixed(2) })], (state) => verdict(state.lateness_p99_ms)[0]],
  [t("health.port"), (state) => [t(state.connected ? "health.connected" : "health.no_instrument"), state.ports], (state) => (state.connected ? "good" : "")],
  [t("health.notes"), (state) => [String(state.notes_planned), t("health.sounding", { sounding: state.sounding, dropped: state.notes_dropped })]],
  [t("health.music"), (state) => (state.degraded?.length ? [t("health.reduced"), state.degraded.join("; ")] : [t("health.complete"), t("health.as_set")]), (state) => (state.degraded?.length ? "warn" : "good")],
  [t("health.computer"), (state) => [state.stalls ? t("health.stalls", { count: state.stalls }) : t("health.steady"), t("health.stalls_hint")], (state) => (state.stalls ? "warn" : "good")],
  [t("health.clock"), (state) => (state.clock ? [t("health.midi_clock", { state: named("clock", state.clock) ?? state.clock }), `${state.clock_bpm.toFixed(1)} bpm`] : [t("health.own_tempo"), t("health.no_clock")]), (state) => (state.clock === "lost" ? "warn" : "")],
  [t("health.hours"), (state) => [t(`health.hours_${state.hours}`), [state.hours_until && t("health.hours_until", { until: dayAndTime(state.hours_until) }), t(`health.${state.presence}`), state.lock !== "off" && t("health.locked", { what: named("choices", state.lock) })].filter(Boolean).join(", ")]],
  [t("health.knob"), (_, __, knob) => (knob ? [`CC ${knob.control}`, t("health.knob_value", { value: knob.value, channel: knob.channel })] : [t("health.no_knob"), t("health.turn_knob")])],
  [t("health.model"), (state) => [state.model || "–", state.seed ? t("health.seed", { seed: state.seed }) : ""]],
  [t("health.sound"), (_, sound) => (sound.on ? [t("health.sound_on"), t("health.voices", { count: sound.piano.voices.size })] : [t("health.sound_off"), t("health.piano")])],
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
