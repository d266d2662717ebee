// The takes: what was played, to download, to read about, to delete for good.

import { asked } from "./ask.js";
import { button, by, make, picture, write } from "./dom.js";
import { named, t } from "./texts.js";

export class Takes {
  /** complain(sentence): tell the person what went wrong. send(command, values). */
  constructor(complain, send) {
    this._complain = complain;
    this._send = send;
    this._list = by("takes");
  }

  async refresh() {
    if (!this._list.children.length) this._list.replaceChildren(make("p", { class: "empty" }, t("takes.reading")));
    try {
      const answer = await fetch("/api/takes");
      if (!answer.ok) throw new Error(t("takes.none_kept"));
      const takes = await answer.json();
      this._show(takes.takes ?? takes);
    } catch (error) {
      this._list.replaceChildren(make("p", { class: "empty" }, error instanceof TypeError ? t("takes.lost") : error.message));
    }
  }

  _show(takes) {
    if (!takes.length) return this._list.replaceChildren(make("p", { class: "empty" }, t("takes.empty")));
    this._list.replaceChildren(make("ul", { class: "takes" }, ...takes.map((take) => this._take(take))));
  }

  _take({ take_id: id, started, seconds, state, model }) {
    const address = `/api/takes/${encodeURIComponent(id)}`, began = new Date(started);
    const name = Number.isNaN(began.valueOf()) ? id : began.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    const file = (text, kind, what, iconName) => make("a", { class: "button", href: `${address}.${kind}`, download: true, "aria-label": t("takes.file_of", { what, name }), title: what }, picture(iconName), text);
    const act = (what, iconName, onclick) => button("", { class: "button icon", "aria-label": t("takes.act_on", { what, name }), title: what, onclick }, iconName);
    return make("li", { class: "take" },
      make("div", { class: "take-text" }, make("b", {}, name), make("span", {}, [length(seconds), model, state === "ended" ? "" : named("take_states", state) ?? state].filter(Boolean).join(" · "))),
      make("div", { class: "take-buttons" },
        file("MIDI", "mid", t("takes.midi"), "download"),
        file(t("takes.score"), "musicxml", t("takes.musicxml"), "download"),
        this._sound(address, name),
        button(t("takes.begin"), { class: "button", "aria-label": t("takes.act_on", { what: t("takes.begin"), name }), title: t("takes.begin_hint"), onclick: () => this._send("begin_from_take", { take: id }) }, "play"),
        file(t("takes.picture"), "png", t("takes.picture"), "picture"),
        file(t("takes.report"), "html", t("takes.report"), "report"),
        act(t("takes.note"), "note", () => this._write(address, name)),
        act(t("takes.delete"), "delete", () => this._delete(address, name))));
  }

  /** The sound of a take is computed first, which takes a while: listened to here, and kept from the player's own menu. */
  _sound(address, name) {
    const listen = button(t("takes.listen"), { class: "button", "aria-label": t("takes.act_on", { what: t("takes.listen"), name }), title: t("takes.listen") }, "play");
    listen.onclick = async () => {
      listen.disabled = true;
      write(listen.querySelector("span"), t("takes.computing"));
      try {
        const answer = await fetch(`${address}.flac`);
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? t("takes.no_sound"));
        const player = make("audio", { class: "take-player", controls: true, autoplay: true, src: URL.createObjectURL(await answer.blob()), "aria-label": t("takes.of", { name }) });
        listen.replaceWith(player);
        player.focus();
      } catch (error) {
        this._complain(error instanceof TypeError ? t("link.lost_notice") : error.message);
        listen.disabled = false;
        write(listen.querySelector("span"), t("takes.listen"));
      }
    };
    return listen;
  }

  // ------------------------------------------------------------------------------------------------------ questions

  async _delete(address, name) {
    if (!(await asked(t("takes.delete_question", { name }), t("ask.delete"), false))) return;
    await this._change(address, { method: "DELETE" });
  }

  async _write(address, name) {
    const text = await asked(t("takes.note_question", { name }), t("takes.keep_note"), true);
    if (text) await this._change(`${address}/note`, { method: "POST", body: text });
  }

  async _change(address, request) {
    try {
      const answer = await fetch(address, request);
      if (!answer.ok) this._complain((await answer.json().catch(() => ({}))).error ?? t("takes.not_done"));
    } catch {
      this._complain(t("link.lost_notice"));
    }
    await this.refresh();
    by("tab-takes").focus();
  }
}

const length = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`);
