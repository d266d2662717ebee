// Ports, chosen at once, and settings that are kept in the user's own configuration file.

import { button, by, make, write } from "./dom.js";
import { moodName } from "./moods.js";
import { t } from "./texts.js";

const PORTS = { "midi.output": "output", "midi.input": "input" }; // setting: command
const AT_THE_START = ["music.beats_per_bar", "clock.source", "mood.start"];

export class Settings {
  /** say(sentence): tell the person. send(command, values). */
  constructor(say, send) {
    this._say = say;
    this._send = send;
    this._fields = new Map();
    this._open = button(t("settings.open"), { onclick: () => this._read(true) });
    by("settings").replaceChildren(this._open);
  }

  /** Once the daemon said what it knows. */
  build(hello) {
    this._hello = hello;
  }

  /** A port that could not be taken is told of once, and the one in use is shown again. */
  show(state) {
    const fault = state.port_fault ?? "", before = this._fault;
    this._fault = fault;
    if (!fault || fault === before || before === undefined) return;
    this._say(fault);
    for (const [key, port] of [["midi.output", state.output_ports[0]], ["midi.input", state.input_port]]) {
      const select = this._fields.get(key);
      if (select) select.value = [...select.options].find(({ value }) => value === port)?.value ?? "";
    }
  }

  async _read(focus = false) {
    this._busy(this._open, t("settings.looking"));
    try {
      const answer = await fetch("api/settings"), found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      this._draw(found);
      if (focus) this._form.querySelector("select, input")?.focus();
    } catch (error) {
      this._say(error instanceof SyntaxError || error instanceof TypeError ? t("settings.lost") : error.message);
    }
    this._busy(this._open, "");
  }

  _draw({ file, values, ports, overridden }) {
    this._values = values;
    this._fields.clear();
    const fixed = new Set(overridden);
    const parts = this._rows(ports).filter(([key]) => key in values).map(([key, label, field]) => this._field(key, label, field, fixed.has(key)));
    this._file = make("p", { class: "hint" }, file ? t("settings.file", { file }) : t("settings.no_file"), ports.fault ? ` ${t("settings.no_ports", { fault: ports.fault })}` : "", "midi.channel" in values ? "" : ` ${t("settings.several")}`);
    this._keep = button(t("settings.save"), { type: "submit" });
    this._said = make("p", { class: "good", role: "status" });
    this._form = make("form", { class: "group" }, this._file, make("div", { class: "forms" }, ...parts), make("div", { class: "row" }, this._keep), this._said);
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._write();
    });
    write(this._open.querySelector("span"), t("settings.again"));
    by("settings").replaceChildren(this._form, this._open);
  }

  /** [key, label, what is shown] */
  _rows({ inputs, outputs }) {
    const named = (names, empty) => [["", empty], ...names.map((name) => [name, name])];
    return [
      ["midi.output", t("settings.output"), named(outputs, t("settings.own_port"))],
      ["midi.input", t("settings.input"), named(inputs, t("settings.own_port"))],
      ["midi.channel", t("settings.channel"), { min: 1, max: 16, step: 1 }],
      ["midi.transpose", t("settings.transpose"), { min: -60, max: 60, step: 1 }],
      ["music.key", t("settings.key"), [["auto", t("settings.by_mood")], ...this._keys().map((name) => [name, name])]],
      ["music.beats_per_bar", t("settings.beats"), { min: 1, max: 16, step: 0.25 }],
      ["clock.source", t("settings.clock"), ["internal", "midi"].map((name) => [name, t(`choices.${name}`)])],
      ["model.path", t("settings.model"), named(this._hello.models ?? [], t("settings.default"))],
      ["mood.start", t("settings.mood"), Object.keys(this._hello.moods).map((name) => [name, moodName(name)])],
    ];
  }

  _keys() {
    return this._hello.commands.find(({ name }) => name === "key")?.arguments[0].choices ?? [];
  }

  _field(key, label, shown, fixed) {
    const value = this._values[key], id = `setting-${key.replace(".", "-")}`;
    const why = fixed ? t("settings.fixed") : "";
    const input = Array.isArray(shown) ? this._choice(shown, value, id) : make("input", { id, type: "number", required: true, value, ...shown });
    input.disabled = fixed;
    input.title = why;
    this._fields.set(key, input);
    if (key in PORTS) input.addEventListener("change", () => this._send(PORTS[key], { port: input.value || null }));
    return make("div", { class: "field" }, make("label", { for: id }, label), input, why && make("span", {}, why));
  }

  _choice(offered, value, id) {
    const kept = typeof value === "string" ? value : JSON.stringify(value);
    const all = offered.some(([name]) => name === kept) ? offered : [...offered, [kept, kept]]; // away now, or a place on the plane
    const select = make("select", { id }, ...all.map(([name, words]) => make("option", { value: name }, words)));
    select.value = kept;
    return select;
  }

  _changed() {
    const read = (input) => (input.type === "number" ? Number(input.value) : input.value);
    const was = (value) => (typeof value === "object" ? JSON.stringify(value) : value);
    return Object.fromEntries([...this._fields].filter(([key, input]) => read(input) !== was(this._values[key])).map(([key, input]) => [key, read(input)]));
  }

  async _write() {
    const changed = this._changed();
    if (!Object.keys(changed).length) return write(this._said, t("settings.unchanged"));
    this._busy(this._keep, t("settings.saving"));
    try {
      const answer = await fetch("api/settings", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(changed) });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error);
      await this._read();
      const later = AT_THE_START.some((key) => key in changed);
      write(this._said, [t("settings.saved", { what: told.said.at(-1) }), later && t("settings.later")].filter(Boolean).join(" "));
      this._keep.focus();
    } catch (error) {
      this._say(error instanceof SyntaxError || error instanceof TypeError ? t("settings.not_saved") : error.message);
      this._busy(this._keep, "");
    }
  }

  /** words: what is under way; empty: nothing. */
  _busy(one, words) {
    one.dataset.words ??= one.textContent;
    one.setAttribute("aria-busy", Boolean(words));
    one.disabled = Boolean(words);
    if (words) write(one.querySelector("span"), words);
    else if (one !== this._open || !this._form) write(one.querySelector("span"), one.dataset.words);
    else write(one.querySelector("span"), t("settings.again"));
  }
}
