// The sliders: what the mood means in the music and who commands it, and how the mood is followed.

import { button, by, make } from "./dom.js";
import { about } from "./forms.js";
import { Slider } from "./slider.js";
import { named, t } from "./texts.js";

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const pitchName = (pitch) => `${NAMES[Math.round(pitch) % 12]}${Math.floor(Math.round(pitch) / 12) - 1}`;
const percent = (value) => `${Math.round(100 * value)} %`;
const minus = (text) => text.replace("-", "−");

// How the value of each attribute reads; the ranges come from the daemon.
const ATTRIBUTES = {
  mode: (value) => (Math.abs(value) < 0.1 ? t("shape.between") : t(value > 0 ? "shape.major" : "shape.minor", { share: percent(Math.abs(value)) })),
  onset_density: (value) => t("shape.density", { value: value.toFixed(1) }),
  register: (value) => t("shape.around", { pitch: pitchName(value) }),
  loudness: (value) => value.toFixed(0),
  articulation: (value) => (value > 0.92 ? "legato" : value < 0.45 ? `staccato ${percent(value)}` : percent(value)),
  dissonance: percent,
  pitch_spread: (value) => t("shape.spread", { value: value.toFixed(1) }),
  tempo: (value) => `${value.toFixed(0)} bpm`,
};

export class Shape {
  /** send(command, values): to the daemon. */
  constructor(send) {
    this._send = send;
    this._rows = new Map();
    this._sliders = [];
  }

  /** Once the daemon said what it has. */
  build(hello) {
    this._rows.clear();
    by("attributes").replaceChildren(...Object.entries(hello.attributes).map(([name, range]) => this._attribute(name, range)));
    this._sliders = [
      ["glide_s", this._slider(hello, "glide", "seconds", t("shape.glide"), { scale: "square", text: (value) => (value < 0.05 ? t("shape.at_once") : `${value.toFixed(value < 10 ? 1 : 0)} s`) })],
      ["intensity", this._slider(hello, "intensity", "value", t("shape.intensity"), { text: percent })],
      ["temperature", this._slider(hello, "temperature", "value", t("shape.surprise"), { text: (value) => minus(value.toFixed(2)) })],
    ].filter(([, slider]) => slider);
    by("mood-sliders").replaceChildren(...this._sliders.map(([, slider]) => slider.element));
  }

  show(state) {
    for (const [name, { slider, back, element }] of this._rows) {
      const own = name in (state.overrides ?? {});
      const value = own ? state.overrides[name] : state.attributes?.[name];
      if (value !== undefined) slider.show(value);
      element.classList.toggle("own", own);
      if (back.disabled !== !own) back.disabled = !own;
    }
    for (const [field, slider] of this._sliders) slider.show(state[field]);
  }

  _attribute(name, { low, high, scale, text: hint }) {
    const label = named("attributes", name) ?? name, text = ATTRIBUTES[name] ?? ((value) => value.toFixed(2));
    const slider = new Slider({ label, low, high, scale, text, hint: named("attribute_hints", name) ?? hint, send: (value) => this._send("attribute", { name, value }) });
    const back = button("", { "aria-label": t("shape.back_long", { label }), title: t("shape.back"), class: "button icon", disabled: true }, "back");
    back.addEventListener("click", () => {
      slider.settle();
      slider.input.focus();
      this._send("attribute", { name, value: null });
    });
    const element = make("div", { class: "attribute" }, slider.element, back);
    this._rows.set(name, { slider, back, element });
    return element;
  }

  _slider(hello, command, argument, label, look) {
    const row = hello.commands.find(({ name }) => name === command);
    if (!row) return null;
    const { low, high } = row.arguments.find(({ name }) => name === argument);
    return new Slider({ label, low, high, hint: about(row), ...look, send: (value) => this._send(command, { [argument]: Number(value.toFixed(3)) }) });
  }
}
