// A sampled piano in WebAudio: one voice per note, its start and its end on the audio clock.

import { t } from "./texts.js";

const FOLDER = "static/piano/";
const CUT_S = 0.008; // time constant of a silence
const MOST_VOICES = 72;
const CEILING = 0.97, STRAIGHT = 0.7; // of full scale: nothing is louder; up to there the sound is left alone

export class Piano {
  /** context: an AudioContext. touch: how it is played (piano/touch.json), as `touchOf` reads it. */
  constructor(context, touch) {
    this.context = context;
    this._touch = touch;
    this.voices = new Map(); // id of the note -> voice
    this._zones = [];
    this.volume = context.createGain();
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    const limiter = new DynamicsCompressorNode(context, { threshold: -10, knee: 8, ratio: 12, attack: 0.004, release: 0.18 });
    const ceiling = new WaveShaperNode(context, { curve: ceilingCurve() }); // what the limiter is too slow for
    this._dry = context.createGain();
    this._dry.connect(this.volume);
    this._wet = new GainNode(context, { gain: touch.room_gain });
    this._wet.connect(this.volume);
    this.volume.connect(limiter).connect(ceiling).connect(this.analyser).connect(context.destination);
    this._room = room(context, touch.room_s);
    this._freshRoom();
    this._pans = Array.from({ length: touch.pans }, (_, index) => {
      const pan = new StereoPannerNode(context, { pan: touch.widest_pan * ((2 * index) / (touch.pans - 1) - 1) });
      pan.connect(this._dry);
      return pan;
    });
  }

  /** Fetch and decode the samples; throws a sentence when one is missing. */
  async load() {
    const table = await (await fetched("piano.json")).json();
    this._zones = await Promise.all(
      table.map(async (zone) => ({
        ...zone,
        buffer: await this.context.decodeAudioData(await (await fetched(zone.file)).arrayBuffer()),
      })),
    );
  }

  /** Begin a note at a second of the audio clock (a past one: now). */
  begin(id, pitch, velocity, at_s) {
    const zone = this._zones.find(({ low, high }) => low <= pitch && pitch <= high) ?? this._zones.at(-1);
    if (!zone) return;
    this.cut(id);
    if (this.voices.size >= MOST_VOICES) this.cut(this.voices.keys().next().value);
    at_s = Math.max(at_s, this.context.currentTime);
    const loud = velocity / 127, touch = this._touch;
    const source = new AudioBufferSourceNode(this.context, { buffer: zone.buffer, playbackRate: 2 ** ((pitch - zone.root) / 12) });
    if (zone.loop_s) Object.assign(source, { loop: true, loopStart: zone.loop_s[0], loopEnd: zone.loop_s[1] });
    const filter = new BiquadFilterNode(this.context, { type: "lowpass", Q: 0.3, frequency: touch.brightest_hz * 2 ** (-touch.darkening_octaves * (1 - loud)) });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(touch.note_gain * loud ** touch.loudness_power, at_s);
    gain.gain.setTargetAtTime(0, at_s + zone.hold_s, zone.decay_s / touch.decay_to_time_constant);
    source.connect(filter).connect(gain).connect(this._pans[Math.round(((Math.min(Math.max(pitch, 21), 108) - 21) / 87) * (touch.pans - 1))]);
    source.start(at_s);
    source.stop(at_s + zone.hold_s + zone.decay_s);
    const voice = { source, gain: gain.gain, at_s, fade_s: Infinity };
    this.voices.set(id, voice);
    source.onended = () => {
      gain.disconnect();
      if (this.voices.get(id) === voice) this.voices.delete(id);
    };
  }

  /** Let the damper fall at a second of the audio clock. A later call moves it. */
  end(id, at_s) { this._fade(id, Math.max(at_s, this.voices.get(id)?.at_s ?? 0), this._touch.damper_s); }

  /** Take a note away at once. */
  cut(id) {
    const voice = this.voices.get(id);
    if (!voice) return;
    if (voice.at_s > this.context.currentTime) voice.source.stop(); // before its start: it never begins
    else this._fade(id, this.context.currentTime, CUT_S);
    this.voices.delete(id);
  }

  /** Everything silent at once, the room as well. */
  silence() {
    for (const id of [...this.voices.keys()]) this.cut(id);
    this._freshRoom();
  }

  /** Effective value of what is heard now, 0..1. */
  level() {
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  }

  _fade(id, at_s, constant_s) {
    const voice = this.voices.get(id);
    if (!voice) return;
    at_s = Math.max(at_s, this.context.currentTime);
    // An end that was told before and has not come may have been sooner.
    voice.gain.cancelScheduledValues(voice.fade_s > this.context.currentTime ? Math.min(at_s, voice.fade_s) : at_s);
    voice.gain.setTargetAtTime(0, at_s, constant_s);
    voice.fade_s = at_s;
    voice.source.stop(Math.max(at_s, voice.at_s) + 9 * constant_s);
  }

  /** A convolver remembers what it heard; a new one is silent. */
  _freshRoom() {
    if (this._convolver) {
      this._dry.disconnect(this._convolver);
      this._convolver.disconnect();
    }
    this._convolver = new ConvolverNode(this.context, { buffer: this._room });
    this._dry.connect(this._convolver).connect(this._wet);
  }
}

/** How the piano is played: the numbers that the sound of exported files is made with as well. */
export const touchOf = async () => (await fetched("touch.json")).json();

async function fetched(name) {
  const answer = await fetch(FOLDER + name);
  if (!answer.ok) throw new Error(t("sound.not_loaded", { file: name, status: answer.status }));
  return answer;
}

/** A small warm room: noise that decays, the top sooner than the bottom. */
function room(context, seconds) {
  const length = Math.round(seconds * context.sampleRate);
  const buffer = context.createBuffer(2, length, context.sampleRate);
  for (let channel = 0; channel < 2; channel++) {
    const samples = buffer.getChannelData(channel);
    let smooth = 0;
    for (let index = 0; index < length; index++) {
      const share = index / length;
      const keep = 0.35 + 0.6 * share; // one-pole low-pass that closes
      smooth = keep * smooth + (1 - keep) * (2 * Math.random() - 1);
      samples[index] = smooth * Math.exp(-6.9 * share) * Math.min(1, index / 480);
    }
  }
  return buffer;
}

/** A straight line up to STRAIGHT, and from there an ever flatter way to CEILING. */
function ceilingCurve() {
  const room = CEILING - STRAIGHT;
  return Float32Array.from({ length: 4097 }, (_, index) => {
    const x = index / 2048 - 1, beyond = Math.abs(x) - STRAIGHT;
    return beyond <= 0 ? x : Math.sign(x) * (STRAIGHT + room * Math.tanh(beyond / room));
  });
}
