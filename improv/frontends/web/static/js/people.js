// People and their sessions: plans, limits, notes and takes of each; what is played in a session belongs to the person.

import { asked } from "./ask.js";
import { button, by, make } from "./dom.js";
import { LIMITED } from "./journey.js";
import { named, t } from "./texts.js";

const moment = (iso, style = { dateStyle: "medium", timeStyle: "short" }) => {
  const at = new Date(iso);
  return Number.isNaN(at.valueOf()) ? iso : at.toLocaleString(document.documentElement.lang, style);
};

/** What is planned, by its kind and name. */
const planned = (kind, name) => (kind === "journey" ? t("people.journey", { name }) : t("people.scene", { name }));

export class People {
  /** send(command, values): to the engine. say(sentence): tell the person. */
  constructor(send, say) {
    this._send = send;
    this._say = say;
    this._people = null; // as the server has them
    this._open = null; // id of the one whose details are shown
    this._session = "";
    this._drawn = ""; // what the list was last made of
    this._reading = null;
    this._offered = { journey: [], scene: [] };
    this._now = make("div", { class: "session", role: "status", hidden: true });
    this._name = make("input", { id: "person-name", type: "text", maxlength: 60, autocomplete: "off", required: true });
    const add = button(t("people.add"), { type: "submit" }, "plus");
    const form = make("form", { class: "row" }, make("div", { class: "field wide" }, make("label", { for: "person-name" }, t("people.new")), this._name), add);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._act("api/people", "POST", { name: this._name.value }, add).then((told) => { if (told) this._name.value = ""; });
    });
    this._list = make("div", {});
    by("people").replaceChildren(this._now, form, this._list);
  }

  build(hello) { this._offered = { journey: hello.journeys ?? [], scene: hello.state.scenes ?? [] }; }

  show({ session, scenes, journeys }) {
    this._offered = { journey: journeys ?? this._offered.journey, scene: scenes ?? this._offered.scene };
    if (session === this._session) return;
    this._session = session;
    this._drawSession();
    this.changed();
  }

  /** What is kept is another, here or on another device. It is read where it is seen; elsewhere when its tab opens. */
  async changed() {
    if (by("panel-people").hidden && !this._session) return;
    await this._anew();
  }

  async _anew() {
    await this._reading; // it may have begun before the change
    await this.refresh();
  }

  /** Read all of it; whoever asks meanwhile waits for the same answer. */
  refresh() { return (this._reading ??= this._read().finally(() => { this._reading = null; })); }

  async _read() {
    if (!this._people) this._list.replaceChildren(make("p", { class: "empty" }, t("people.reading")));
    try {
      const answer = await fetch("api/people");
      if (!answer.ok) throw new Error(answer.status === 404 ? t("people.none_kept") : (await answer.json()).error);
      this._people = await answer.json();
      this._draw();
    } catch (error) {
      this._drawn = "";
      this._list.replaceChildren(make("p", { class: "empty" }, error instanceof TypeError ? t("link.lost_notice") : error.message));
    }
  }

  /** Name of a person by id, where it is known. */
  nameOf(id) { return this._people?.find((person) => person.id === id)?.name ?? ""; }

  // -------------------------------------------------------------------------------------------------------- drawing

  _draw() {
    if (!this._people) return this._drawSession();
    const drawn = JSON.stringify([this._people, this._open, this._session, this._offered]);
    if (drawn === this._drawn) return; // what somebody fills in or presses meanwhile stays
    this._drawn = drawn;
    this._drawSession();
    if (!this._people.length) return this._list.replaceChildren(make("p", { class: "empty" }, t("people.empty")));
    this._list.replaceChildren(make("ul", { class: "people" }, ...this._people.map((person) => this._person(person))));
  }

  _drawSession() {
    this._now.hidden = !this._session;
    if (!this._session) return this._now.replaceChildren();
    const person = this._people?.find(({ id }) => id === this._session), since = person?.sessions.at(-1)?.began;
    const end = button(t("people.end"), { onclick: () => this._act("api/session", "DELETE", null, end) }, "stop");
    const note = button(t("people.write"), { onclick: () => person && this._note(person, note) }, "note");
    this._now.replaceChildren(make("p", {}, make("b", {}, t("people.session_of", { name: person?.name ?? t("people.somebody") })), since ? ` ${t("people.since", { time: moment(since, { timeStyle: "short" }) })}` : ""),
      make("div", { class: "row" }, ...(person?.plans ?? []).map((plan) => this._start(plan)), note, end));
  }

  _person(person) {
    const { id, name, sessions, takes } = person, open = id === this._open, runs = id === this._session;
    const more = button(name, { class: "button person-name", "aria-expanded": open, onclick: () => this._toggle(id) });
    const begin = button(t("people.begin"), { "aria-label": t("people.begin_long", { name }), disabled: runs, onclick: () => this._act(`api/people/${id}/session`, "POST", {}, begin) }, "play");
    const facts = [t("people.sessions", { count: sessions.length }), t("people.takes", { count: takes.length }), runs && t("people.under_way")].filter(Boolean).join(" · ");
    return make("li", { class: "person" }, make("div", { class: "person-head" }, more, make("span", { class: "person-facts" }, facts), begin), open ? this._details(person) : null);
  }

  _toggle(id) {
    this._open = this._open === id ? null : id;
    this._draw();
    this._list.querySelector(this._open ? "[aria-expanded=true]" : ".person-name")?.focus();
  }

  _details(person) {
    const rename = button(t("people.rename"), { onclick: () => this._rename(person, rename) }, "note");
    const remove = button(t("people.delete"), { class: "button danger", onclick: () => this._delete(person, remove) }, "delete");
    return make("div", { class: "person-details" },
      this._plans(person), this._limits(person), this._notes(person), this._sessions(person), make("div", { class: "row end" }, rename, remove));
  }

  _plans(person) {
    const rows = person.plans.map((plan) => make("li", {}, make("span", {}, planned(plan.kind, plan.name)),
      make("div", { class: "row" }, this._start(plan), this._takeOut(person, planned(plan.kind, plan.name), { action: "plan_remove", ...plan }))));
    const offered = Object.entries(this._offered).flatMap(([kind, names]) => names.map((name) => [kind, name])).filter(([kind, name]) => !person.plans.some((plan) => plan.kind === kind && plan.name === name));
    const select = make("select", { id: `plan-of-${person.id}` }, ...offered.map(([kind, name]) => make("option", { value: JSON.stringify([kind, name]) }, planned(kind, name))));
    const add = button(t("people.plan"), { onclick: () => {
      const [kind, name] = JSON.parse(select.value);
      return this._change(person, { action: "plan", kind, name }, add);
    } });
    const choose = offered.length ? make("div", { class: "row" }, make("div", { class: "field wide" }, make("label", { for: select.id }, t("people.offered")), select), add) : null;
    return make("section", {}, make("h3", {}, t("people.planned")), rows.length ? make("ul", { class: "rows" }, ...rows) : null, choose);
  }

  /** Starts what is planned. */
  _start({ kind, name }) {
    return kind === "journey"
      ? button(t("people.start_journey", { name }), { onclick: () => this._send("journey_start", { name }) }, "play")
      : button(t("people.recall_scene", { name }), { onclick: () => this._send("scene", { name }) }, "play");
  }

  _limits(person) {
    const rows = LIMITED.map((name) => {
      const label = named("limits", name);
      const fields = ["limits.at_least", "limits.at_most"].map((words, side) => make("input", { type: "number", step: "any", placeholder: t("limits.free"), value: person.limits[name]?.[side] ?? "", "aria-label": t(words, { label }) }));
      const keep = () => {
        const [low, high] = fields.map(({ value }) => value || "free");
        return this._change(person, { action: "limit", limit: name, low, high }, fields[0]);
      };
      for (const field of fields) field.addEventListener("change", keep);
      return make("div", { class: "limit field" }, make("span", {}, label), fields[0], make("i", { "aria-hidden": "true" }, "–"), fields[1]);
    });
    return make("section", {}, make("h3", {}, t("people.limits")), make("p", { class: "hint" }, t("people.limits_hint")), make("div", { class: "limits" }, ...rows));
  }

  _notes(person) {
    const rows = [...person.notes].reverse().map(({ when, text }) => make("li", {}, make("span", {}, make("b", {}, moment(when)), make("span", { class: "person-note" }, text)), this._takeOut(person, t("people.note_of", { day: moment(when) }), { action: "note_remove", text: when })));
    const add = button(t("people.write"), { onclick: () => this._note(person, add) }, "note");
    return make("section", {}, make("h3", {}, t("people.notes")), rows.length ? make("ul", { class: "rows" }, ...rows) : null, make("div", { class: "row" }, add));
  }

  _sessions(person) {
    const rows = [...person.sessions].reverse().map(({ began, ended }) => {
      const now = this._session === person.id && began === person.sessions.at(-1).began;
      const values = { began: moment(began), ended: moment(ended, { timeStyle: "short" }) };
      return make("li", {}, make("span", {}, ended ? t("people.from_to", values) : now ? t("people.until_now", values) : t("people.end_unknown", values)));
    });
    return make("section", {}, make("h3", {}, t("people.session_list")), rows.length ? make("ul", { class: "rows" }, ...rows) : make("p", { class: "hint" }, t("people.no_sessions")),
      person.takes.length ? make("p", { class: "hint" }, t("people.in_takes", { count: person.takes.length })) : null);
  }

  _takeOut(person, what, change) {
    const out = button("", { class: "button icon", "aria-label": t("people.remove_long", { what }), title: t("people.remove"), onclick: () => this._change(person, change, out) }, "abort");
    return out;
  }

  // --------------------------------------------------------------------------------------------------------- acting

  async _note(person, asking) {
    const text = await asked(t("people.note_question", { name: person.name }), t("people.keep_note"), true);
    if (text) await this._change(person, { action: "note", text }, asking);
  }

  async _rename(person, asking) {
    const name = await asked(t("people.rename_question", { name: person.name }), t("people.rename"), true, person.name);
    if (name) await this._change(person, { action: "rename", name }, asking);
  }

  async _delete(person, asking) {
    const question = t("people.delete_question", { name: person.name, count: person.takes.length });
    if (await asked(question, t("ask.delete"), false)) await this._act(`api/people/${person.id}`, "DELETE", null, asking);
  }

  _change(person, values, asking) { return this._act(`api/people/${person.id}`, "POST", values, asking); }

  async _act(address, method, values, asking) {
    const label = asking.getAttribute("aria-label") ?? asking.textContent;
    asking.disabled = true;
    asking.setAttribute("aria-busy", true);
    let told = null;
    try {
      const answer = await fetch(address, { method, ...(values && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(values) }) });
      const said = await answer.json();
      if (answer.ok) told = said;
      else this._say(said.error);
    } catch {
      this._say(t("link.lost_notice"));
    }
    if (!told) this._drawn = ""; // what was refused is shown as it is kept
    await this._anew(); // until then it is busy: who goes on sooner would lose what he fills in
    asking.disabled = false;
    asking.removeAttribute("aria-busy");
    this._refocus(label);
    return told;
  }

  /** What was pressed was drawn anew: the focus goes to what has its place. */
  _refocus(label) {
    if (document.activeElement !== document.body) return;
    const all = [...by("people").querySelectorAll("button, input")];
    (all.find((one) => (one.getAttribute("aria-label") ?? one.textContent) === label && !one.disabled) ?? this._name).focus();
  }
}
