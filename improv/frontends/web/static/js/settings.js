// Ports, chosen at once, and settings that are kept in the user's own configuration file.

import { button, by, make, write } from "./dom.js";

const OWN_PORT = "a port of its own";
const NO_FILE = "No file of yours is there yet. Keeping makes one, a copy of config.yaml with every key explained.";
const SEVERAL = "Your file names several outputs; change their ports and channels there.";
const PORTS = { "midi.output": "output", "midi.input": "input" }; // setting: command
const AT_THE_START = ["music.beats_per_bar", "clock.source", "mood.start"];
const CLOCKS = { internal: "BrainMusic", midi: "a MIDI clock" };

export class Settings {
  /** say(sentence): tell the person. send(command, values). */
  constructor(say, send) {
    this._say = say;
    this._send = send;
    this._fields = new Map();
    this._open = button("Ports and settings", { onclick: () => this._read(true) });
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
    this._busy(this._open, "Looking …");
    try {
      const answer = await fetch("/api/settings"), found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      this._draw(found);
      if (focus) this._form.querySelector("select, input")?.focus();
    } catch (error) {
      this._say(error instanceof SyntaxError || error instanceof TypeError ? "The settings cannot be read while the connection is lost." : error.message);
    }
    this._busy(this._open, "");
  }

  _draw({ file, values, ports, overridden }) {
    this._values = values;
    this._fields.clear();
    const fixed = new Set(overridden);
    const parts = this._rows(ports).filter(([key]) => key in values).map(([key, label, field]) => this._field(key, label, field, fixed.has(key)));
    this._file = make("p", { class: "hint" }, file ? `Kept in ${file}.` : NO_FILE, ports.fault ? ` Ports cannot be listed: ${ports.fault}` : "", "midi.channel" in values ? "" : ` ${SEVERAL}`);
    this._keep = button("Keep", { type: "submit" });
    this._said = make("p", { class: "good", role: "status" });
    this._form = make("form", { class: "group" }, this._file, make("div", { class: "forms" }, ...parts), make("div", { class: "row" }, this._keep), this._said);
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._write();
    });
    write(this._open.querySelector("span"), "Look again");
    by("settings").replaceChildren(this._form, this._open);
  }

  /** [key, label, what is shown] */
  _rows({ inputs, outputs }) {
    const named = (names, empty) => [["", empty], ...names.map((name) => [name, name])];
    return [
      ["midi.output", "MIDI output", named(outputs, OWN_PORT)],
      ["midi.input", "MIDI input", named(inputs, OWN_PORT)],
      ["midi.channel", "Channel, 1 to 16", { min: 1, max: 16, step: 1 }],
      ["midi.transpose", "Transposed by, semitones", { min: -60, max: 60, step: 1 }],
      ["music.key", "Key at the start", [["auto", "As the mood will"], ...this._keys().map((name) => [name, name])]],
      ["music.beats_per_bar", "Quarter notes in a bar", { min: 1, max: 16, step: 0.25 }],
      ["clock.source", "Tempo and bars follow", Object.entries(CLOCKS)],
      ["model.path", "Model", named(this._hello.models ?? [], "the default")],
      ["mood.start", "Mood at the start", Object.keys(this._hello.moods).map((name) => [name, name])],
    ];
  }

  _keys() {
    return this._hello.commands.find(({ name }) => name === "key")?.arguments[0].choices ?? [];
  }

  _field(key, label, shown, fixed) {
    const value = this._values[key], id = `setting-${key.replace(".", "-")}`;
    const why = fixed ? "It was named on the command line, which goes before the file." : "";
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
    if (!Object.keys(changed).length) return write(this._said, "Nothing was changed.");
    this._busy(this._keep, "Keeping …");
    try {
      const answer = await fetch("/api/settings", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(changed) });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error);
      await this._read();
      const later = AT_THE_START.some((key) => key in changed);
      write(this._said, `Kept: ${told.said.at(-1)}.${later ? " It counts from the next start." : ""}`);
      this._keep.focus();
    } catch (error) {
      this._say(error instanceof SyntaxError || error instanceof TypeError ? "That could not be kept: the connection is lost." : error.message);
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
    else write(one.querySelector("span"), "Look again");
  }
}
