// The plan: where the music is and what comes next, and what is commanded of it.

import { button, by, make, write } from "./dom.js";
import { about } from "./forms.js";
import { named, t } from "./texts.js";

const SETTLE_MS = 700; // after a choice the daemon's answer is waited for before its state is believed again

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
    const numbers = (low, high, words) => Array.from({ length: high - low + 1 }, (_, index) => [String(low + index), t(words, { count: low + index })]);
    const parts = [
      row("key") && this._select("key", t("plan.key"), about(row("key")), [["auto", t("plan.by_mood")], ...row("key").arguments[0].choices.map((name) => [name, name])], (name) => this._send("key", { name })),
      row("phrase_bars") && this._select("phrase_bars", t("plan.phrases"), about(row("phrase_bars")), [["0", t("plan.by_people")], ...numbers(1, row("phrase_bars").arguments[0].high, "plan.bars")], (bars) => this._send("phrase_bars", { bars: Number(bars) })),
      row("reach") && this._select("reach", t("plan.reach"), about(row("reach")), [["-1", t("plan.by_mood")], ["0", t("plan.not_at_all")], ...numbers(1, row("reach").arguments[0].high, "plan.fifths")], (fifths) => this._send("reach", { fifths: Number(fifths) })),
      row("form") && this._form(row("form")),
      row("chords") && this._chords(row("chords")),
    ];
    this._without = make("p", { class: "hint", hidden: true }, t("plan.none"));
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
    write(by("plan-next"), state.plan_next_chord ? t("plan.beats", { chord: state.plan_next_chord, count: Number(state.plan_next_in_beats.toFixed(2)) }) : "–");
    const aim = t("plan.aim", { metre: state.plan_metre, cadence: named("cadences", state.plan_cadence) ?? state.plan_cadence });
    const back = state.plan_refers_bars_ago && t("plan.refers", { count: state.plan_refers_bars_ago, likeness: state.plan_likeness });
    write(by("plan-aim"), [aim, back].filter(Boolean).join(", "));
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
    this._switches = ["on", "off"].map((state) => button(t(state === "on" ? "plan.on" : "plan.off"), { "aria-pressed": "false", "data-state": state, onclick: () => this._send("form", { state }) }));
    return make("div", { class: "field", role: "group", "aria-label": t("plan.form"), title: about(row) }, make("span", { "aria-hidden": "true" }, t("plan.form")), make("div", { class: "choice" }, ...this._switches));
  }

  _chords(row) {
    this._loop = make("input", { id: "asked-chords", type: "text", maxlength: 1000, placeholder: "Am F C G", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "asked-chords-hint" });
    this._off = button(t("plan.off"), { "aria-label": t("plan.chords_off_long"), title: t("plan.chords_off"), disabled: true });
    this._off.addEventListener("click", () => {
      this._loop.value = "";
      this._loop.focus();
      this._send("chords", { loop: null });
    });
    const form = make("form", { class: "field plan-chords" }, make("label", { for: "asked-chords" }, t("plan.loop")), make("div", { class: "row" }, this._loop, button(t("plan.set"), { type: "submit", "aria-label": t("plan.set_chords"), title: about(row) }), this._off), make("p", { class: "hint", id: "asked-chords-hint" }, t("plan.loop_hint")));
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
