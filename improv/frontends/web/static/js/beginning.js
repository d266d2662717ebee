// Begin from this: what was just played, or a MIDI file of the person's own. Takes have a button of their own.

import { button, make, write } from "./dom.js";
import { about } from "./forms.js";
import { t } from "./texts.js";

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
    const file = make("input", { type: "file", id: "begin-file", accept: ".mid,.midi,.smf,.kar,.rmi", hidden: true, "aria-label": t("begin.file_long") });
    file.addEventListener("change", () => this._give(file));
    this._said = make("p", { class: "hint", role: "status" });
    const played = button(t("begin.played"), { title: about(row("begin_from_played")), onclick: () => this._send("begin_from_played") });
    const choose = button(t("begin.file"), { class: "button for-curators", title: about(row("begin_from_file")), onclick: () => file.click() });
    return make("div", { class: "field", role: "group", "aria-label": t("begin.title") }, make("span", { "aria-hidden": "true" }, t("begin.title")), make("div", { class: "row" }, played, choose, file), this._said);
  }

  show(state) {
    if (!this._said) return;
    if (state.not_begun && state.not_begun !== this._told) this._complain(state.not_begun);
    this._told = state.not_begun ?? "";
    const said = state.begins_from ? t("begin.coming", { what: state.begins_from }) : state.begun_from ? t("begin.began", { what: state.begun_from }) : t("begin.hint");
    write(this._said, said);
  }

  async _give(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    if (file.size > LARGEST_BYTES) return this._complain(t("begin.too_large", { file: file.name, size: file.size, most: LARGEST_BYTES }));
    try {
      const answer = await fetch(`api/beginnings/${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) return this._complain(said.error ?? t("begin.not_given"));
      await this._send("begin_from_file", { file: said.file });
    } catch {
      this._complain(t("link.lost_notice"));
    }
  }
}
