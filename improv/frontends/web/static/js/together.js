// Playing together: the mode, how far the person is followed, and what is heard of them.

import { button, by, make, makeSvg, write } from "./dom.js";
import { about } from "./forms.js";
import { Slider } from "./slider.js";
import { named, t } from "./texts.js";

const LOWEST = 21, HIGHEST = 108, BLACK = new Set([1, 3, 6, 8, 10]);
const percent = (value) => `${Math.round(100 * value)} %`;

export class Together {
  /** send(command, values). */
  constructor(send) {
    this._send = send;
    this._modes = new Map();
    this._follow = new Map();
    this._keys = new Map();
  }

  /** Once the daemon said what it knows: nothing is shown of what it has not. */
  build({ commands }) {
    const row = (name) => commands.find((one) => one.name === name);
    const choices = (name) => row(name)?.arguments[0].choices ?? [];
    this._modes = new Map(choices("mode").map((name) => [name, button(named("modes", name) ?? name, { "aria-pressed": "false", title: named("mode_hints", name), onclick: () => this._send("mode", { name }) })]));
    this._meaning = make("p", { class: "hint", role: "status" });
    this._follow = new Map(choices("follow").map((name) => [name, this._slider(name, row("follow"))]));
    this._place = make("select", { id: "together-place" }, ...choices("place").map((name) => make("option", { value: name }, named("places", name) ?? name)));
    this._place.addEventListener("change", () => this._send("place", { name: this._place.value }));
    this._hand = button(t("together.hand_over"), { title: row("hand_over") && about(row("hand_over")), onclick: () => this._send("hand_over") });
    this._facts = make("p", { class: "heard-facts" });
    by("together").replaceChildren(
      make("div", { class: "choice modes", role: "group", "aria-label": t("together.label") }, ...this._modes.values()),
      this._meaning,
      make("div", { class: "heard" }, this._keyboard(), this._facts),
      make("div", { class: "attributes" }, ...[...this._follow.values()].map((slider) => slider.element)),
      make("div", { class: "row" }, make("label", { for: "together-place" }, t("together.place")), this._place, this._hand),
    );
  }

  show(state) {
    if (!this._modes.size) return;
    for (const [name, one] of this._modes) one.setAttribute("aria-pressed", String(name === state.mode));
    write(this._meaning, named("mode_hints", state.mode) ?? "");
    for (const [name, slider] of this._follow) if (Number.isFinite(state.following?.[name])) slider.show(state.following[name]);
    if (document.activeElement !== this._place && state.place) this._place.value = state.place;
    this._hand.hidden = !["answer", "imitate", "continue"].includes(state.mode);
    const down = new Set(state.person_keys ?? []);
    for (const [pitch, key] of this._keys) key.classList.toggle("down", down.has(pitch));
    this._showHands(state.person_hands ?? []);
    write(this._facts, this._said(state));
  }

  _said(state) {
    if (state.mode === "solo") return t("together.choose");
    const beat = state.person_beat_sure >= 0.3 ? t(state.person_leads ? "together.beat_leads" : "together.beat", { bpm: state.person_bpm.toFixed(0) }) : t("together.no_beat");
    const parts = [named("turns", state.turn) ?? "", beat, state.person_key, state.person_chord && t("together.chord", { chord: state.person_chord })];
    if (state.hears_itself) parts.push(t("together.echo"));
    return parts.filter(Boolean).join(" · ");
  }

  _slider(name, row) {
    return new Slider({ label: named("follow", name) ?? name, low: 0, high: 1, text: percent, hint: about(row), send: (value) => this._send("follow", { name, value: Number(value.toFixed(2)) }) });
  }

  /** The piano, with the keys that sound and where the hands are. */
  _keyboard() {
    const white = [...Array(HIGHEST - LOWEST + 1).keys()].map((index) => index + LOWEST).filter((pitch) => !BLACK.has(pitch % 12));
    const place = new Map(white.map((pitch, index) => [pitch, index]));
    const svg = makeSvg("svg", { class: "heard-keys", viewBox: `0 0 ${10 * white.length} 46`, role: "img", "aria-label": t("together.keys") });
    for (const pitch of white) this._key(svg, pitch, 10 * place.get(pitch), 9.2, 36, "white");
    for (let pitch = LOWEST; pitch <= HIGHEST; pitch++) if (BLACK.has(pitch % 12)) this._key(svg, pitch, 10 * place.get(pitch - 1) + 7, 6, 22, "black");
    this._x = (pitch) => 10 * (place.get(pitch) ?? place.get(pitch - 1) + 0.7) + 5;
    this._hands = [0, 1].map(() => makeSvg("rect", { class: "hand", y: 40, height: 5, rx: 2.5, width: 0 }));
    svg.append(...this._hands);
    return svg;
  }

  _key(svg, pitch, x, width, height, kind) {
    const key = makeSvg("rect", { class: `key ${kind}`, x, y: 0, width, height, rx: 1.5 });
    this._keys.set(pitch, key);
    svg.append(key);
  }

  _showHands(edges) {
    this._hands.forEach((hand, index) => {
      const [low, high] = edges.slice(2 * index, 2 * index + 2);
      const there = low !== undefined && high !== undefined;
      hand.setAttribute("width", there ? Math.max(this._x(high) - this._x(low) + 8, 8) : 0);
      if (there) hand.setAttribute("x", this._x(low) - 4);
    });
  }
}
