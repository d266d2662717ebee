// Scenes: kept, recalled, put into a set list; and the last command taken back.

import { button, by, make, write } from "./dom.js";
import { named, t } from "./texts.js";

const LONGEST_NAME = 40;

export class Scenes {
  /** send(command, values): to the daemon, resolves when it was carried out. */
  constructor(send) {
    this._send = send;
    this._drawn = "";
    by("undo").addEventListener("click", () => send("undo"));
    by("set-back").addEventListener("click", () => send("scene_back"));
    by("set-next").addEventListener("click", () => send("scene_next"));
    document.addEventListener("keydown", (event) => this._key(event));
  }

  /** Once the daemon said what it knows. */
  build({ commands }) {
    const row = commands.find(({ name }) => name === "scene_landing");
    this._drawn = "";
    if (!row) return by("scenes").replaceChildren(make("p", { class: "empty" }, t("scenes.unknown")));
    this._list = make("ol", { class: "set-list" });
    this._all = make("ul", { class: "all-scenes" });
    this._undo = button(t("scenes.undo"), { onclick: () => this._send("undo") }, "undo");
    this._redo = button(t("scenes.redo"), { onclick: () => this._send("redo") }, "redo");
    this._empty = make("p", { class: "empty" }, t("scenes.empty"));
    this._unkept = make("p", { class: "warn", role: "status" });
    const set = make("section", { "aria-label": t("scenes.set_list") }, make("h3", { class: "part" }, t("scenes.set_list")), this._list);
    const all = make("section", { "aria-label": t("scenes.all") }, make("h3", { class: "part" }, t("scenes.all")), this._all);
    this._lists = make("div", { class: "scene-lists" }, set, all);
    by("scenes").replaceChildren(
      make("div", { class: "row scene-head" }, this._keep(), make("div", { class: "row" }, this._undo, this._redo)),
      this._unkept, this._empty, this._lists, this._landing(row));
  }

  show(state) {
    this._state = state;
    this._showHistory(state);
    if (!this._list) return;
    this._showStrip(state);
    this._showLanding(state);
    write(this._unkept, state.scenes_unkept ?? "");
    this._empty.hidden = state.scenes.length > 0;
    this._lists.hidden = !state.scenes.length;
    const drawn = JSON.stringify([state.scenes, state.set_list]);
    if (drawn !== this._drawn) this._draw(state, drawn);
    this._mark(state);
  }

  // ------------------------------------------------------------------------------------------------ the set list

  _showStrip({ scene, scene_coming: coming, set_list: list, set_list_place: place }) {
    by("set-strip").hidden = !list.length;
    if (!list.length) return;
    write(by("set-name"), scene || t("scenes.set_list"));
    const next = list[place];
    write(by("set-place"), [t("scenes.place", { place, length: list.length }), coming ? t("scenes.coming", { name: coming }) : next && t("scenes.then", { name: next })].filter(Boolean).join(" · "));
    by("set-back").disabled = place < 2;
    by("set-next").disabled = place >= list.length;
  }

  _draw(state, drawn) {
    const focus = document.activeElement?.dataset?.key;
    this._drawn = drawn;
    this._list.replaceChildren(...state.set_list.map((name, index) => this._place(name, index, state.set_list)));
    this._all.replaceChildren(...state.scenes.map((name) => this._scene(name)));
    if (focus) (document.querySelector(`#scenes [data-key="${CSS.escape(focus)}"]:not(:disabled)`) ?? by("tab-scenes")).focus();
  }

  /** A place of the set list; the arrows move it. */
  _place(name, index, list) {
    const moved = (to) => {
      const names = list.toSpliced(index, 1);
      names.splice(to, 0, name);
      this._list_is(names);
    };
    const act = (what, icon, key, onclick, disabled = false) => button("", { class: "button icon", "aria-label": t("scenes.act_place", { what, place: index + 1, name }), title: what, "data-key": key, onclick, disabled }, icon);
    return make("li", { class: "set-item" },
      button(name, { class: "button set-recall", "data-key": `place-${index}`, "aria-label": t("scenes.recall_place", { place: index + 1, name }), onclick: () => this._send("scene_place", { place: index + 1 }) }),
      act(t("scenes.earlier"), "up", `up-${index - 1}`, () => moved(index - 1), index === 0),
      act(t("scenes.later"), "down", `down-${index + 1}`, () => moved(index + 1), index === list.length - 1),
      act(t("scenes.out"), "abort", `out-${index}`, () => this._list_is(list.toSpliced(index, 1))));
  }

  _list_is(names) { this._send("set_list", { names: names.join(", ") || null }); }

  _scene(name) {
    const field = make("input", { class: "scene-name", type: "text", value: name, maxlength: LONGEST_NAME, "aria-label": t("scenes.name_of", { name }), "data-key": `name-${name}`, autocomplete: "off" });
    field.addEventListener("change", async () => {
      await this._send("scene_rename", { name, to: field.value });
      if (this._state.scenes.includes(name)) field.value = name; // it was refused
    });
    const act = (what, icon, onclick) => button("", { class: "button icon", "aria-label": `${what}: ${name}`, title: what, "data-key": `${icon}-${name}`, onclick }, icon);
    return make("li", { class: "set-item", "data-scene": name }, field,
      act(t("scenes.recall"), "play", () => this._send("scene", { name })),
      act(t("scenes.overwrite"), "download", () => this._send("scene_keep", { name })),
      act(t("scenes.into"), "plus", () => this._list_is([...this._state.set_list, name])),
      act(t("scenes.delete"), "delete", () => this._send("scene_delete", { name })));
  }

  _mark({ scene, scene_coming: coming, set_list_place: place }) {
    [...this._list.children].forEach((item, index) => {
      const here = index + 1 === place && item.querySelector(".set-recall").textContent === scene;
      item.classList.toggle("coming", here && Boolean(coming));
      item.firstChild.setAttribute("aria-pressed", here);
    });
    for (const item of this._all.children) item.classList.toggle("here", item.dataset.scene === scene);
  }

  // ------------------------------------------------------------------------------------------- keeping and landing

  _keep() {
    const field = make("input", { id: "scene-new", type: "text", maxlength: LONGEST_NAME, required: true, autocomplete: "off", placeholder: t("scenes.name") });
    const form = make("form", { class: "field scene-keep" }, make("label", { for: "scene-new" }, t("scenes.keep_long")), make("div", { class: "row" }, field, button(t("scenes.keep"), { type: "submit" })));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const name = field.value;
      await this._send("scene_keep", { name });
      if (field.value === name) field.value = ""; // not what is written meanwhile
    });
    return form;
  }

  _landing(row) {
    const glide = row.arguments.find(({ name }) => name === "glide_s");
    this._glide = make("input", { id: "scene-glide", type: "number", min: glide.low, max: glide.high, step: "any", placeholder: t("scenes.as_kept") });
    const set = (at) => this._send("scene_landing", { at, glide_s: this._glide.value === "" ? null : Number(this._glide.value) });
    this._glide.addEventListener("change", () => set(this._state.scene_at));
    this._ats = row.arguments[0].choices.map((at) => button(named("landings", at) ?? at, { "aria-pressed": "false", "data-at": at, onclick: () => set(at) }));
    return make("div", { class: "row scene-landing" },
      make("div", { class: "field", role: "group", "aria-label": t("scenes.begins") }, make("span", { "aria-hidden": "true" }, t("scenes.begins")), make("div", { class: "choice" }, ...this._ats)),
      make("div", { class: "field scene-glide" }, make("label", { for: "scene-glide" }, t("scenes.glides")), this._glide));
  }

  _showLanding({ scene_at: at, scene_glide_s: glide_s }) {
    for (const one of this._ats) one.setAttribute("aria-pressed", one.dataset.at === at);
    if (document.activeElement !== this._glide) this._glide.value = glide_s < 0 ? "" : String(glide_s);
  }

  // --------------------------------------------------------------------------------------------------- taking back

  _showHistory({ undo = "", redo = "" }) {
    const words = (what, of) => (of ? `${what}: ${of}` : what);
    for (const [one, what, of] of [[by("undo"), t("scenes.undo"), undo], [this._undo, t("scenes.undo"), undo], [this._redo, t("scenes.redo"), redo]]) {
      if (!one || one.dataset.of === of) continue;
      one.dataset.of = of;
      one.disabled = !of;
      one.title = words(what, of);
      one.setAttribute("aria-label", words(what, of));
    }
  }

  /** Control or Command and Z, with Shift again; where something is written it means that. */
  _key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z" || document.querySelector("dialog[open]")) return;
    if (event.target.matches("textarea, input:not([type=range], [type=checkbox])")) return;
    event.preventDefault();
    this._send(event.shiftKey ? "redo" : "undo");
  }
}
