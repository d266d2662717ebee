// People and their sessions: plans, limits, notes and takes of each; what is played in a session belongs to the person.

import { asked } from "./ask.js";
import { button, by, make, write } from "./dom.js";

const LOST = "That cannot be done while the connection is lost.";
const LIMITS = { loudness: "Loudness, velocity", tempo: "Tempo, bpm", register: "Keys, MIDI pitch", onset_density: "Density, onsets/s" };
const moment = (iso, style = { dateStyle: "medium", timeStyle: "short" }) => {
  const at = new Date(iso);
  return Number.isNaN(at.valueOf()) ? iso : at.toLocaleString(undefined, style);
};
const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

export class People {
  /** send(command, values): to the engine. say(sentence): tell the person. */
  constructor(send, say) {
    this._send = send;
    this._say = say;
    this._people = null; // as the server has them
    this._open = null; // id of the one whose details are shown
    this._session = "";
    this._offered = { journey: [], scene: [] };
    this._now = make("div", { class: "session", role: "status", hidden: true });
    this._name = make("input", { id: "person-name", type: "text", maxlength: 60, autocomplete: "off", required: true });
    const add = button("Add", { type: "submit" }, "plus");
    const form = make("form", { class: "row" }, make("div", { class: "field wide" }, make("label", { for: "person-name" }, "A new person: a name or a code"), this._name), add);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._act("/api/people", "POST", { name: this._name.value }, add).then((told) => { if (told) this._name.value = ""; });
    });
    this._list = make("div", {});
    by("people").replaceChildren(this._now, form, this._list);
  }

  build(hello) { this._offered = { journey: hello.journeys ?? [], scene: hello.state.scenes ?? [] }; }

  show({ session, scenes, journeys }) {
    this._offered = { journey: journeys ?? this._offered.journey, scene: scenes ?? this._offered.scene };
    if (session === this._session) return;
    this._session = session;
    this._draw();
  }

  async refresh() {
    if (!this._people) this._list.replaceChildren(make("p", { class: "empty" }, "Reading …"));
    try {
      const answer = await fetch("/api/people");
      if (!answer.ok) throw new Error(answer.status === 404 ? "This BrainMusic keeps no takes, and so no people." : (await answer.json()).error);
      this._people = await answer.json();
      this._draw();
    } catch (error) {
      this._list.replaceChildren(make("p", { class: "empty" }, error instanceof TypeError ? LOST : error.message));
    }
  }

  /** Name of a person by id, where it is known. */
  nameOf(id) { return this._people?.find((person) => person.id === id)?.name ?? ""; }

  // -------------------------------------------------------------------------------------------------------- drawing

  _draw() {
    this._drawSession();
    if (!this._people) return;
    if (!this._people.length) return this._list.replaceChildren(make("p", { class: "empty" }, "Nobody yet. What is kept of people stays on this computer; only its user can read it."));
    this._list.replaceChildren(make("ul", { class: "people" }, ...this._people.map((person) => this._person(person))));
  }

  _drawSession() {
    this._now.hidden = !this._session;
    if (!this._session) return this._now.replaceChildren();
    const person = this._people?.find(({ id }) => id === this._session), since = person?.sessions.at(-1)?.began;
    const end = button("End the session", { onclick: () => this._act("/api/session", "DELETE", null, end) }, "stop");
    const note = button("Write a note", { onclick: () => person && this._note(person, note) }, "note");
    this._now.replaceChildren(make("p", {}, make("b", {}, `Session of ${person?.name ?? "somebody"}`), since ? ` since ${moment(since, { timeStyle: "short" })}` : ""),
      make("div", { class: "row" }, ...(person?.plans ?? []).map((plan) => this._start(plan)), note, end));
  }

  _person(person) {
    const { id, name, sessions, takes } = person, open = id === this._open, runs = id === this._session;
    const more = button(name, { class: "button person-name", "aria-expanded": open, onclick: () => this._toggle(id) });
    const begin = button("Begin a session", { "aria-label": `Begin a session of ${name}`, disabled: runs, onclick: () => this._act(`/api/people/${id}/session`, "POST", {}, begin) }, "play");
    const facts = [counted(sessions.length, "session", "sessions"), counted(takes.length, "take", "takes"), runs && "session under way"].filter(Boolean).join(" · ");
    return make("li", { class: "person" }, make("div", { class: "person-head" }, more, make("span", { class: "person-facts" }, facts), begin), open ? this._details(person) : null);
  }

  _toggle(id) {
    this._open = this._open === id ? null : id;
    this._draw();
    this._list.querySelector(this._open ? "[aria-expanded=true]" : ".person-name")?.focus();
  }

  _details(person) {
    const rename = button("Rename", { onclick: () => this._rename(person, rename) }, "note");
    const remove = button("Delete", { class: "button danger", onclick: () => this._delete(person, remove) }, "delete");
    return make("div", { class: "person-details" },
      this._plans(person), this._limits(person), this._notes(person), this._sessions(person), make("div", { class: "row end" }, rename, remove));
  }

  _plans(person) {
    const rows = person.plans.map((plan) => make("li", {}, make("span", {}, `${plan.kind} ${plan.name}`),
      make("div", { class: "row" }, this._start(plan), this._takeOut(person, `${plan.kind} ${plan.name}`, { action: "plan_remove", ...plan }))));
    const offered = Object.entries(this._offered).flatMap(([kind, names]) => names.map((name) => [kind, name])).filter(([kind, name]) => !person.plans.some((plan) => plan.kind === kind && plan.name === name));
    const select = make("select", { id: `plan-of-${person.id}` }, ...offered.map(([kind, name]) => make("option", { value: JSON.stringify([kind, name]) }, `${kind} ${name}`)));
    const add = button("Plan it", { onclick: () => {
      const [kind, name] = JSON.parse(select.value);
      return this._change(person, { action: "plan", kind, name }, add);
    } });
    const choose = offered.length ? make("div", { class: "row" }, make("div", { class: "field wide" }, make("label", { for: select.id }, "A journey or scene"), select), add) : null;
    return make("section", {}, make("h3", {}, "Planned"), rows.length ? make("ul", { class: "rows" }, ...rows) : null, choose);
  }

  /** Set out on what is planned. */
  _start({ kind, name }) {
    return kind === "journey"
      ? button(`Set out: ${name}`, { onclick: () => this._send("journey_start", { name }) }, "play")
      : button(`Recall: ${name}`, { onclick: () => this._send("scene", { name }) }, "play");
  }

  _limits(person) {
    const rows = Object.entries(LIMITS).map(([name, label]) => {
      const fields = [0, 1].map((side) => make("input", { type: "number", step: "any", placeholder: "free", value: person.limits[name]?.[side] ?? "", "aria-label": `${label}, ${side ? "to" : "from"}` }));
      const keep = () => {
        const [low, high] = fields.map(({ value }) => value || "free");
        return this._change(person, { action: "limit", limit: name, low, high }, fields[0]);
      };
      for (const field of fields) field.addEventListener("change", keep);
      return make("div", { class: "limit field" }, make("span", {}, label), fields[0], make("i", { "aria-hidden": "true" }, "to"), fields[1]);
    });
    return make("section", {}, make("h3", {}, "Limits in their sessions"), make("p", { class: "hint" }, "They hold from the beginning of a session to its end, whatever else commands."), make("div", { class: "limits" }, ...rows));
  }

  _notes(person) {
    const rows = [...person.notes].reverse().map(({ when, text }) => make("li", {}, make("span", {}, make("b", {}, moment(when)), make("span", { class: "person-note" }, text)), this._takeOut(person, `the note of ${moment(when)}`, { action: "note_remove", text: when })));
    const add = button("Write a note", { onclick: () => this._note(person, add) }, "note");
    return make("section", {}, make("h3", {}, "Notes"), rows.length ? make("ul", { class: "rows" }, ...rows) : null, make("div", { class: "row" }, add));
  }

  _sessions(person) {
    const rows = [...person.sessions].reverse().map(({ began, ended }) => make("li", {}, make("span", {}, `${moment(began)} to ${ended ? moment(ended, { timeStyle: "short" }) : this._session === person.id && began === person.sessions.at(-1).began ? "now" : "an end that nobody told"}`)));
    return make("section", {}, make("h3", {}, "Sessions"), rows.length ? make("ul", { class: "rows" }, ...rows) : make("p", { class: "hint" }, "None yet."),
      person.takes.length ? make("p", { class: "hint" }, `${counted(person.takes.length, "take", "takes")}: under Takes.`) : null);
  }

  _takeOut(person, what, change) {
    const out = button("", { class: "button icon", "aria-label": `Take out: ${what}`, title: "Take out", onclick: () => this._change(person, change, out) }, "abort");
    return out;
  }

  // --------------------------------------------------------------------------------------------------------- acting

  async _note(person, asking) {
    const text = await asked(`A note about ${person.name}`, "Keep the note", true);
    if (text) await this._change(person, { action: "note", text }, asking);
  }

  async _rename(person, asking) {
    const name = await asked(`Another name or code for ${person.name}`, "Rename", true, person.name);
    if (name) await this._change(person, { action: "rename", name }, asking);
  }

  async _delete(person, asking) {
    const all = `all notes, sessions and ${counted(person.takes.length, "take", "takes")}`;
    if (await asked(`Delete ${person.name}, ${all}? It is gone for good.`, "Delete for good", false)) await this._act(`/api/people/${person.id}`, "DELETE", null, asking);
  }

  _change(person, values, asking) { return this._act(`/api/people/${person.id}`, "POST", values, asking); }

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
      this._say(LOST);
    }
    asking.disabled = false;
    asking.removeAttribute("aria-busy");
    await this.refresh();
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
