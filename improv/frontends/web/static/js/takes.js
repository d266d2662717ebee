// The takes: what was played, to download, to read about, to delete for good.

import { asked } from "./ask.js";
import { button, by, make, picture, write } from "./dom.js";
import { named, t } from "./texts.js";

export class Takes {
  /** complain(sentence): tell the person what went wrong. send(command, values). nameOf(id): of a person. */
  constructor(complain, send, nameOf) {
    this._complain = complain;
    this._send = send;
    this._nameOf = nameOf;
    this._list = by("takes");
  }

  async refresh() {
    if (!this._list.children.length) this._list.replaceChildren(make("p", { class: "empty" }, t("takes.reading")));
    try {
      const answer = await fetch("api/takes");
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

  _take({ take_id: id, started, seconds, state, model, title, person }) {
    const address = `api/takes/${encodeURIComponent(id)}`, began = new Date(started);
    const moment = Number.isNaN(began.valueOf()) ? id : began.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    const name = title ? `${title}, ${moment}` : moment;
    const file = (text, kind, what, iconName) => this._file(`${address}.${kind}`, `${id}.${kind}`, { text, what, name, iconName });
    const act = (what, iconName, onclick, more = {}) => button("", { class: "button icon", "aria-label": t("takes.act_on", { what, name }), title: what, onclick, ...more }, iconName);
    const whose = person && (this._nameOf(person) || t("takes.somebody_deleted"));
    return make("li", { class: "take" },
      make("div", { class: "take-text" }, make("b", {}, title || moment), make("span", {}, [title && moment, whose, length(seconds), model, state === "ended" ? "" : named("take_states", state) ?? state].filter(Boolean).join(" · "))),
      make("div", { class: "take-buttons" },
        this._sound(address, name, seconds),
        make("a", { class: "button", href: `${address}/report`, target: "_blank", rel: "noopener", "aria-label": t("takes.report_of", { name }), title: t("takes.report_hint") }, picture("report"), t("takes.report")),
        file("MIDI", "mid", t("takes.midi"), "download"),
        file(t("takes.sound"), "flac", t("takes.flac"), "download"),
        file(t("takes.score"), "musicxml", t("takes.musicxml"), "download"),
        button(t("takes.begin"), { class: "button", "aria-label": t("takes.act_on", { what: t("takes.begin"), name }), title: t("takes.begin_hint"), onclick: () => this._send("begin_from_take", { take: id }) }, "play"),
        file(t("takes.picture"), "png", t("takes.picture"), "picture"),
        act(t("takes.note"), "note", () => this._write(address, name)),
        act(t("takes.rename"), "own", () => this._rename(address, name, title), { disabled: state === "playing" }),
        act(t("takes.delete"), "delete", () => this._delete(address, name))));
  }

  /** A file is made first, which may take a while: the button says so, and the browser keeps it then. */
  _file(address, fileName, { text, what, name, iconName }) {
    const words = make("span", {}, text);
    const link = make("a", { class: "button", href: address, download: fileName, "aria-label": t("takes.file_of", { what, name }), title: what }, picture(iconName), words);
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      if (link.getAttribute("aria-busy")) return;
      link.setAttribute("aria-busy", true);
      write(words, t("takes.computing"));
      const made = await this._fetched(address);
      link.removeAttribute("aria-busy");
      write(words, text);
      if (made) keep(made, fileName);
    });
    return link;
  }

  /** The sound of a take is computed first, which takes a while; the picture beside it shows where it is, and seeks. */
  _sound(address, name, seconds) {
    const listen = button(t("takes.listen"), { class: "button", "aria-label": t("takes.act_on", { what: t("takes.listen"), name }), title: t("takes.listen") }, "play");
    listen.onclick = async () => {
      listen.disabled = true;
      listen.setAttribute("aria-busy", true);
      write(listen.querySelector("span"), t("takes.computing"));
      const [sound, strip] = await Promise.all([this._fetched(`${address}.flac`), this._fetched(`${address}/strip`)]);
      listen.removeAttribute("aria-busy");
      listen.disabled = false;
      write(listen.querySelector("span"), t("takes.listen"));
      if (!sound) return;
      const player = make("audio", { class: "take-player", controls: true, autoplay: true, src: URL.createObjectURL(sound), "aria-label": t("takes.of", { name }) });
      if (strip) listen.closest(".take").append(seeker(player, URL.createObjectURL(strip), name, seconds));
      listen.replaceWith(player);
      player.focus();
    };
    return listen;
  }

  /** What the server makes, or null after telling the person why not. */
  async _fetched(address) {
    try {
      const answer = await fetch(address);
      if (answer.ok) return await answer.blob();
      this._complain((await answer.json().catch(() => ({}))).error ?? t("takes.not_made"));
    } catch {
      this._complain(t("link.lost_notice"));
    }
    return null;
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

  async _rename(address, name, title) {
    const text = await asked(t("takes.name_question", { name }), t("takes.keep_name"), true, title);
    if (text !== null) await this._change(`${address}/title`, { method: "POST", body: text });
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

function keep(blob, fileName) {
  const link = make("a", { href: URL.createObjectURL(blob), download: fileName });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

/** Mood and notes of a take; where it is pressed the player goes on. */
function seeker(player, address, name, seconds) {
  const line = make("i", { class: "take-line", "aria-hidden": "true" });
  const strip = make("div", { class: "take-strip", role: "slider", tabindex: 0, "aria-label": t("takes.place_in", { name }), "aria-valuemin": 0, "aria-valuemax": Math.round(seconds) },
    make("img", { src: address, alt: "", draggable: "false" }), line);
  const show = () => {
    line.style.setProperty("--place", `${100 * Math.min(player.currentTime / seconds, 1)}%`);
    strip.setAttribute("aria-valuenow", Math.round(player.currentTime));
    strip.setAttribute("aria-valuetext", t("takes.place", { at: clock(player.currentTime), length: clock(seconds) }));
  };
  const go = (to_s) => {
    player.currentTime = Math.min(Math.max(to_s, 0), seconds);
    show();
  };
  strip.addEventListener("pointerdown", (event) => {
    const box = strip.getBoundingClientRect();
    go((seconds * (event.clientX - box.left)) / box.width);
  });
  strip.addEventListener("keydown", (event) => {
    const goal = { ArrowRight: player.currentTime + 5, ArrowLeft: player.currentTime - 5, Home: 0, End: seconds }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    go(goal);
  });
  for (const kind of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(kind, show);
  show();
  return strip;
}
