// Play, end, stop, panic; where the music is; its tempo.

import { by, picture, write } from "./dom.js";
import { dayAndTime, t } from "./texts.js";

const TAPS = 5, FORGET_TAP_MS = 2200; // a tap after a longer pause begins anew (27 bpm)
const STEP_BPM = 4;

export class Transport {
  /** send(command, values). has(command): the daemon knows it. say(sentence): tell the person. */
  constructor(send, has, say) {
    this._send = send;
    this._has = has;
    this._taps = [];
    this._state = null;
    this._range = [40, 200];
    by("play").addEventListener("click", () => {
      if (this._waits) say(t("transport.begins_later"));
      else send(this._state?.playing ? "pause" : "play");
    });
    for (const name of ["end", "stop", "panic"]) by(name).addEventListener("click", () => send(name));
    by("slower").addEventListener("click", () => this._step(-STEP_BPM));
    by("faster").addEventListener("click", () => this._step(STEP_BPM));
    by("tap").addEventListener("click", (event) => this._tap(event.timeStamp));
    by("tempo-back").addEventListener("click", () => {
      this._asked = null;
      send("attribute", { name: "tempo", value: null });
    });
    document.addEventListener("keydown", (event) => this._key(event));
  }

  build({ attributes }) {
    if (attributes.tempo) this._range = [attributes.tempo.low, attributes.tempo.high];
  }

  show(state) {
    const before = this._state;
    this._state = state;
    if (before?.playing !== state.playing) this._showPlay(state.playing);
    document.body.classList.toggle("playing", state.playing);
    this._showClock(state);
    const doing = this._waits ? "waiting" : state.stopping ? "stopping" : state.ending ? "ending" : state.playing ? "playing" : "resting";
    write(by("doing"), state.hours !== "closed" ? t(`transport.${doing}`) : t(state.hours_until ? "transport.closed_until" : "transport.closed", { until: dayAndTime(state.hours_until) }));
    write(by("at-bar"), String(state.bar));
    write(by("at-beat"), String(state.beat));
    write(by("bpm").querySelector("b"), state.tempo_bpm ? state.tempo_bpm.toFixed(0) : "–");
    const own = "tempo" in (state.overrides ?? {});
    const fixed = !own || this._led;
    if (by("tempo-back").disabled !== fixed) by("tempo-back").disabled = fixed;
    if (!own && this._asked && performance.now() - this._asked.at_ms > 1500) this._asked = null;
  }

  /** Under another program's clock the tempo is not ours: the buttons are off and say why. */
  _showClock(state) {
    const led = state.clock_source === "midi";
    this._waits = led && !state.playing && state.clock !== "running"; // its start begins the music
    if (led === this._led) return;
    this._led = led;
    for (const name of ["slower", "faster", "tap"]) by(name).disabled = led;
    const reason = t("transport.led");
    by("bpm").parentElement.title = led ? reason : "";
    by("tempo-why").textContent = led ? `${reason}.` : "";
  }

  _showPlay(playing) {
    by("play").replaceChildren(picture(playing ? "pause" : "play"));
    by("play").setAttribute("aria-label", t(playing ? "transport.pause" : "transport.play"));
  }

  /** Escape is Panic wherever one is, and so is the full stop, for a browser keeps Escape to itself in full screen; the
   * space bar plays and pauses where it means nothing else. */
  _key(event) {
    if (event.defaultPrevented) return;
    const { tagName, type } = event.target, dialog = document.querySelector("dialog[open]"); // Escape closes it
    if (event.key === "Escape" && !dialog && tagName !== "SELECT") this._send("panic"); // there it closes the list
    else if (event.key === "." && !event.ctrlKey && !event.metaKey && !event.altKey && !writes(tagName, type)) this._send("panic");
    else if (event.key === " " && event.target === document.body) {
      event.preventDefault();
      by("play").click();
    }
  }

  _step(by_bpm) {
    const from = this._asked?.bpm ?? this._state?.overrides?.tempo ?? this._state?.attributes?.tempo ?? 100;
    this._tempo(Math.round(from) + by_bpm);
  }

  _tap(at_ms) {
    if (this._has("tap")) return void this._send("tap");
    if (at_ms - this._taps.at(-1) > FORGET_TAP_MS) this._taps = [];
    this._taps = [...this._taps, at_ms].slice(-TAPS);
    if (this._taps.length > 1) this._tempo(60000 / ((at_ms - this._taps[0]) / (this._taps.length - 1)));
  }

  _tempo(bpm) {
    bpm = Math.round(Math.min(Math.max(bpm, this._range[0]), this._range[1]));
    this._asked = { bpm, at_ms: performance.now() };
    if (this._has("tempo")) this._send("tempo", { bpm });
    else this._send("attribute", { name: "tempo", value: bpm });
  }
}

/** Whether a key that is pressed there may be part of what is written. */
export const writes = (tagName, type) => tagName === "TEXTAREA" || (tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(type));
