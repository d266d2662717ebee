// The takes: what was played, to download, to read about, to delete for good.

import { asked } from "./ask.js";
import { button, by, make, picture, write } from "./dom.js";

export class Takes {
  /** complain(sentence): tell the person what went wrong. send(command, values). */
  constructor(complain, send) {
    this._complain = complain;
    this._send = send;
    this._list = by("takes");
  }

  async refresh() {
    if (!this._list.children.length) this._list.replaceChildren(make("p", { class: "empty" }, "Reading the takes …"));
    try {
      const answer = await fetch("/api/takes");
      if (!answer.ok) throw new Error("This BrainMusic keeps no takes to show here.");
      const takes = await answer.json();
      this._show(takes.takes ?? takes);
    } catch (error) {
      this._list.replaceChildren(make("p", { class: "empty" }, error instanceof TypeError ? "The takes cannot be read while the connection is lost." : error.message));
    }
  }

  _show(takes) {
    if (!takes.length) return this._list.replaceChildren(make("p", { class: "empty" }, "No takes yet. Everything that is played is kept here, on this computer only."));
    this._list.replaceChildren(make("ul", { class: "takes" }, ...takes.map((take) => this._take(take))));
  }

  _take({ take_id: id, started, seconds, state, model }) {
    const address = `/api/takes/${encodeURIComponent(id)}`, began = new Date(started);
    const name = Number.isNaN(began.valueOf()) ? id : began.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    const file = (text, kind, what, iconName) => make("a", { class: "button", href: `${address}.${kind}`, download: true, "aria-label": `${what} of the take of ${name}`, title: what }, picture(iconName), text);
    const act = (what, iconName, onclick) => button("", { class: "button icon", "aria-label": `${what} the take of ${name}`, title: what, onclick }, iconName);
    return make("li", { class: "take" },
      make("div", { class: "take-text" }, make("b", {}, name), make("span", {}, [length(seconds), model, STATES[state] ?? state].filter(Boolean).join(" · "))),
      make("div", { class: "take-buttons" },
        file("MIDI", "mid", "MIDI file", "download"),
        file("Score", "musicxml", "Score (MusicXML)", "download"),
        this._sound(address, name),
        button("Begin from this", { class: "button", "aria-label": `Begin from the take of ${name}`, title: "A new piece goes on from the last bars of this take", onclick: () => this._send("begin_from_take", { take: id }) }, "play"),
        file("Picture", "png", "Picture", "picture"),
        file("Report", "html", "Report", "report"),
        act("Write a note on", "note", () => this._write(address, name)),
        act("Delete", "delete", () => this._delete(address, name))));
  }

  /** The sound of a take is computed first, which takes a while: listened to here, and kept from the player's own menu. */
  _sound(address, name) {
    const listen = button("Listen", { class: "button", "aria-label": `Listen to the take of ${name}`, title: "Listen" }, "play");
    listen.onclick = async () => {
      listen.disabled = true;
      write(listen.querySelector("span"), "Computing …");
      try {
        const answer = await fetch(`${address}.flac`);
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? "The sound could not be made.");
        const player = make("audio", { class: "take-player", controls: true, autoplay: true, src: URL.createObjectURL(await answer.blob()), "aria-label": `The take of ${name}` });
        listen.replaceWith(player);
        player.focus();
      } catch (error) {
        this._complain(error instanceof TypeError ? "That could not be done: the connection is lost." : error.message);
        listen.disabled = false;
        write(listen.querySelector("span"), "Listen");
      }
    };
    return listen;
  }

  // ------------------------------------------------------------------------------------------------------ questions

  async _delete(address, name) {
    if (!(await asked(`Delete the take of ${name}? It is gone for good, with what was made of it.`, "Delete for good", false))) return;
    await this._change(address, { method: "DELETE" });
  }

  async _write(address, name) {
    const text = await asked(`A note on the take of ${name}`, "Keep the note", true);
    if (text) await this._change(`${address}/note`, { method: "POST", body: text });
  }

  async _change(address, request) {
    try {
      const answer = await fetch(address, request);
      if (!answer.ok) this._complain((await answer.json().catch(() => ({}))).error ?? "That could not be done.");
    } catch {
      this._complain("That could not be done: the connection is lost.");
    }
    await this.refresh();
    by("tab-takes").focus();
  }
}

const STATES = { ended: "", playing: "being played", "cut short": "cut short" };

const length = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`);
