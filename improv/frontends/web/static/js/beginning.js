// Begin from this: what was just played, or a MIDI file of the person's own. Takes have a button of their own.

import { button, make, write } from "./dom.js";

const LARGEST_BYTES = 1 << 20;

export class Beginning {
  /** send(command, values). complain(sentence): tell the person what went wrong. */
  constructor(send, complain) {
    this._send = send;
    this._complain = complain;
    this._told = "";
  }

  /** The element, where the daemon knows how to begin from something; else null. */
  build({ commands }) {
    const row = (name) => commands.find((one) => one.name === name);
    if (!row("begin_from_played") || !row("begin_from_file")) return null;
    const file = make("input", { type: "file", id: "begin-file", accept: ".mid,.midi,.smf,.kar,.rmi", hidden: true, "aria-label": "A MIDI file to begin from" });
    file.addEventListener("change", () => this._give(file));
    this._said = make("p", { class: "hint", role: "status" });
    const played = button("What was just played", { title: row("begin_from_played").text, onclick: () => this._send("begin_from_played") });
    const choose = button("A MIDI file …", { title: row("begin_from_file").text, onclick: () => file.click() });
    return make("div", { class: "field", role: "group", "aria-label": "Begin from" }, make("span", { "aria-hidden": "true" }, "Begin from"), make("div", { class: "row" }, played, choose, file), this._said);
  }

  show(state) {
    if (!this._said) return;
    if (state.not_begun && state.not_begun !== this._told) this._complain(state.not_begun);
    this._told = state.not_begun ?? "";
    const said = state.begins_from ? `From the next bar line on: ${state.begins_from}.` : state.begun_from ? `This piece began from ${state.begun_from}.` : "A new piece goes on from its key, tempo and theme.";
    write(this._said, said);
  }

  async _give(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    if (file.size > LARGEST_BYTES) return this._complain(`${file.name} has ${file.size} bytes; at most ${LARGEST_BYTES} are read.`);
    try {
      const answer = await fetch(`/api/beginnings/${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) return this._complain(said.error ?? "The file could not be given to BrainMusic.");
      await this._send("begin_from_file", { file: said.file });
    } catch {
      this._complain("That could not be done: the connection is lost.");
    }
  }
}
