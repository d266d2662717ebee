// Learn: say what for, move a knob, pedal or pad, and it is bound; and the list of what is bound.

import { answered } from "./answer.js";
import { button, by, make, write } from "./dom.js";
import { named, t } from "./texts.js";

const FIRST_CHANNEL_MODE = 120; // 120 to 127 are what an instrument says of its own notes
const PRESSED = 64, ENOUGH = 3; // as `improv learn`: a single message may come from a knob that was only touched
const ADDRESSES = [98, 99, 100, 101]; // they choose the parameter (NRPN) that is turned
const called = (control) => (String(control).startsWith("nrpn") ? control.toUpperCase() : `CC ${control}`);

/** The number of the first control that is really moved, once that is known. */
export class Moved {
  constructor() { this._heard = new Map(); }

  heard({ control: number, name, value }) {
    const control = name ?? number; // of a control of 14 bits its name: 20/52, nrpn 260
    if (number >= FIRST_CHANNEL_MODE || ADDRESSES.includes(control)) return null;
    const values = [...(this._heard.get(control) ?? []), value];
    this._heard.set(control, values);
    return values.length >= ENOUGH || (values.length === 2 && values[0] >= PRESSED && values[1] < PRESSED) ? control : null;
  }
}

/** What a knob can be bound to, in the language of the page. */
const titled = (name) => named("commands", name) ?? named("attributes", name) ?? name.replaceAll("_", " ");

export class Learn {
  /** say(sentence): tell the person. */
  constructor(say) {
    this._say = say;
    this._moved = null; // while a knob is waited for
    this._open = button(t("learn.open"), { onclick: () => this._read(true) });
    by("learn").replaceChildren(this._open);
  }

  /** A control change came in by MIDI. */
  turned(message) {
    const control = this._moved?.heard(message) ?? null;
    if (control === null) return;
    this._wait(false);
    this._bind(control, this._action.value);
  }

  async _read(focus = false) {
    const told = await answered("api/controls", undefined, this._say);
    if (!told) return;
    this._draw(told);
    if (focus) this._action.focus();
  }

  _draw({ actions, bound }) {
    const action = this._action?.value;
    this._action = make("select", { id: "learn-action" }, ...actions.map((name) => make("option", { value: name }, titled(name))));
    if (action) this._action.value = action;
    this._start = button(t("learn.start"), { "aria-pressed": "false", onclick: () => this._wait(!this._moved) });
    this._said = make("p", { class: "hint", role: "status" });
    const rows = bound.map(([control, name, own, others]) => this._row(control, name, own, others));
    by("learn").replaceChildren(make("div", { class: "row" }, make("div", { class: "field" }, make("label", { for: "learn-action" }, t("learn.action")), this._action), this._start), this._said,
      make("ul", { class: "bound", "aria-label": t("learn.bound") }, ...rows));
  }

  _row(control, name, own, others) {
    const words = [called(control), titled(name), own && t("learn.yours"), others.length && t("learn.also", { controls: others.map(called).join(", ") })].filter(Boolean).join(" · ");
    const out = name !== "none" && button("", { class: "button icon", "aria-label": t("learn.remove_long", { control: called(control) }), title: t("learn.remove"), onclick: () => this._bind(control, "none") }, "abort");
    return make("li", {}, make("span", { class: others.length ? "warn" : "" }, words), out || null);
  }

  _wait(on) {
    this._moved = on ? new Moved() : null;
    this._start.setAttribute("aria-pressed", on);
    write(this._start.querySelector("span"), t(on ? "learn.cancel" : "learn.start"));
    write(this._said, on ? t("learn.move") : "");
  }

  async _bind(control, action) {
    write(this._said, t("settings.saving"));
    const told = await answered("api/controls", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ action, control }) }, this._say);
    if (told) await this._read();
    write(this._said, told ? `${told.said.join(". ")}.` : "");
    this._start.focus();
  }
}
