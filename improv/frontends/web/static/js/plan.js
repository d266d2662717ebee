// The plan: where the music is and what comes next, and what is commanded of it.

import { button, by, make, write } from "./dom.js";

const CADENCES = { half: "a half cadence", authentic: "a cadence home", other: "a cadence", none: "no close" };
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const beats = (value) => plural(Number(value.toFixed(2)), "beat");
const SETTLE_MS = 700; // after a choice the daemon's answer is waited for before its state is believed again
const FORM = "Sections come back, pieces end";
const LOOP_HINT = "A bar each, as Am F C G. A point goes on with the chord before; | parts bars: Am F | C G.";

export class Plan {
  /** send(command, values). */
  constructor(send) {
    this._send = send;
    this._selects = [];
  }

  /** Once the daemon said what it knows. */
  build({ commands }) {
    const row = (name) => commands.find((one) => one.name === name);
    this._selects = [];
    const numbers = (low, high, word) => Array.from({ length: high - low + 1 }, (_, index) => [String(low + index), plural(low + index, word)]);
    const parts = [
      row("key") && this._select("key", "Key", row("key").text, [["auto", "As the mood will"], ...row("key").arguments[0].choices.map((name) => [name, name])], (name) => this._send("key", { name })),
      row("phrase_bars") && this._select("phrase_bars", "Phrases", row("phrase_bars").text, [["0", "As people’s are"], ...numbers(1, row("phrase_bars").arguments[0].high, "bar")], (bars) => this._send("phrase_bars", { bars: Number(bars) })),
      row("reach") && this._select("reach", "Modulates by", row("reach").text, [["-1", "As the mood will"], ["0", "Not at all"], ...numbers(1, row("reach").arguments[0].high, "fifth")], (fifths) => this._send("reach", { fifths: Number(fifths) })),
      row("form") && this._form(row("form")),
      row("chords") && this._chords(row("chords")),
    ];
    this._without = make("p", { class: "hint", hidden: true }, "The model that plays has no plan. Its key can be commanded all the same.");
    by("plan-forms").replaceChildren(...parts.filter(Boolean));
    by("plan-forms").after(this._without);
  }

  show(state) {
    for (const { select, field, chosen_ms } of this._selects) {
      const value = String(state[field] ?? "");
      if (performance.now() - chosen_ms > SETTLE_MS && select.value !== value) select.value = value;
    }
    this._switches?.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.state === state.form)));
    this._showChords(state);
    if (this._without) this._without.hidden = state.has_plan !== false;
    this._strip(state);
  }

  // --------------------------------------------------------------------------------------------------- the strip

  /** Key, section and place in the phrase, chord and the next one; nothing without a plan. */
  _strip(state) {
    by("plan").hidden = !state.has_plan;
    if (!state.has_plan) return;
    write(by("plan-key"), state.plan_key);
    write(by("plan-section"), state.plan_section || "–");
    write(by("plan-phrase"), `${state.plan_phrase_bar}/${state.plan_phrase_bars}`);
    write(by("plan-chord"), state.plan_chord);
    write(by("plan-next"), state.plan_next_chord ? `${state.plan_next_chord} in ${beats(state.plan_next_in_beats)}` : "–");
    const back = state.plan_refers_bars_ago ? `, takes up the bar ${plural(state.plan_refers_bars_ago, "bar")} ago (${state.plan_likeness} %)` : "";
    write(by("plan-aim"), `${state.plan_metre}, to ${CADENCES[state.plan_cadence] ?? state.plan_cadence}${back}`);
  }

  // ------------------------------------------------------------------------------------------------- what is asked

  _select(field, label, text, options, choose) {
    const id = `asked-${field}`;
    const select = make("select", { id, title: text }, ...options.map(([value, name]) => make("option", { value }, name)));
    const one = { select, field, chosen_ms: -Infinity };
    select.addEventListener("change", () => {
      one.chosen_ms = performance.now();
      choose(select.value);
    });
    this._selects.push(one);
    return make("div", { class: "field" }, make("label", { for: id }, label), select);
  }

  _form(row) {
    this._switches = ["on", "off"].map((state) => button(state === "on" ? "On" : "Off", { "aria-pressed": "false", "data-state": state, onclick: () => this._send("form", { state }) }));
    return make("div", { class: "field", role: "group", "aria-label": FORM, title: row.text }, make("span", { "aria-hidden": "true" }, FORM), make("div", { class: "choice" }, ...this._switches));
  }

  _chords(row) {
    this._loop = make("input", { id: "asked-chords", type: "text", maxlength: 1000, placeholder: "Am F C G", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "asked-chords-hint" });
    this._off = button("Off", { "aria-label": "Off: the plan’s own chords again", title: "The plan makes its own again", disabled: true });
    this._off.addEventListener("click", () => {
      this._loop.value = "";
      this._loop.focus();
      this._send("chords", { loop: null });
    });
    const form = make("form", { class: "field plan-chords" }, make("label", { for: "asked-chords" }, "Chords that go round"), make("div", { class: "row" }, this._loop, button("Set", { type: "submit", "aria-label": "Set the chords", title: row.text }), this._off), make("p", { class: "hint", id: "asked-chords-hint" }, LOOP_HINT));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._send("chords", { loop: this._loop.value });
    });
    return form;
  }

  /** What goes round, or holds: another frontend may have said it. */
  _showChords({ chords, chord }) {
    if (!this._loop) return;
    const said = chords !== "off" ? chords : chord !== "off" ? chord : "";
    this._off.disabled = !said;
    if (said === this._said) return;
    this._said = said;
    if (document.activeElement !== this._loop) this._loop.value = said;
  }
}
