// A journey: a way through the moods that takes its time; and the limits that hold whatever else commands.

import { button, by, make, picture, write } from "./dom.js";
import { choices, Forms } from "./forms.js";
import { Slider } from "./slider.js";
import { named, t } from "./texts.js";

const OWN = new Set(["journey_start", "journey_hold", "journey_resume", "journey_abort", "journey_jump", "limit"]);

/** What can be limited, as the daemon calls it. */
export const LIMITED = ["loudness", "tempo", "register", "onset_density"];

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

export class Journey {
  /** send(command, values) */
  constructor(send) {
    this._send = send;
    this._forms = new Forms(send);
    this._limits = new Map();
  }

  /** rows: the commands of the table that speak of journeys and limits. */
  build(rows, hello) {
    const has = (name) => rows.find((row) => row.name === name);
    this._limits.clear();
    this._built = Boolean(has("journey_start"));
    const parts = [];
    if (this._built) parts.push(this._way(choices(has("journey_start").arguments[0], hello)));
    if (has("limit")) parts.push(this._bands(has("limit").arguments[0].choices));
    parts.push(...this._forms.build(rows.filter(({ name }) => !OWN.has(name)), hello));
    if (!parts.length) parts.push(make("p", { class: "empty" }, t("journey.unknown")));
    by("journey").replaceChildren(...parts);
  }

  show(state) {
    this._forms.show(state);
    this._offer(state.journeys ?? []);
    if (this._built) this._showWay(state);
    for (const [name, fields] of this._limits) { // those of a journey under way are its own, and go with it
      const band = state.limits_set?.[name] ?? [null, null];
      fields.forEach((field, side) => {
        if (document.activeElement === field) return;
        const text = band[side] === null || band[side] === undefined ? "" : String(Number(band[side].toFixed(1)));
        if (field.value !== text) field.value = text;
      });
    }
  }

  // ------------------------------------------------------------------------------------------------------- the way

  _way(names) {
    this._select = make("select", { id: "journey-name" }, ...names.map((name) => make("option", { value: name }, name)));
    const start = button(t("journey.start"), { onclick: () => this._send("journey_start", this._select.value ? { name: this._select.value } : {}) }, "play");
    this._choose = names.length
      ? make("div", { class: "row" }, make("div", { class: "field wide" }, make("label", { for: "journey-name" }, t("journey.name")), this._select), start)
      : make("p", { class: "empty" }, t("journey.empty"));
    this._hold = button(t("journey.hold"), { onclick: () => this._send(this._held ? "journey_resume" : "journey_hold") }, "hold");
    const leave = button(t("journey.leave"), { title: t("journey.leave_hint"), onclick: () => this._send("journey_abort") }, "abort");
    this._seek = new Slider({ label: t("journey.position"), low: 0, high: 1, text: (share) => t("journey.time", { at: clock(share * this._length_s), length: clock(this._length_s) }),
      hint: t("journey.jump"), send: (share) => this._send("journey_jump", { share: Number(share.toFixed(4)) }) });
    this._title = make("p", { class: "journey-name" });
    this._length_s = 0;
    this._under = make("div", { class: "group", hidden: true }, this._title, this._seek.element, make("div", { class: "row" }, this._hold, leave));
    return make("div", { class: "group" }, this._choose, this._under);
  }

  /** Journeys that were made or deleted meanwhile. */
  _offer(names) {
    if (!this._select || document.activeElement === this._select || [...this._select.options].map(({ value }) => value).join("\n") === names.join("\n")) return;
    const chosen = this._select.value;
    this._select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    if (names.includes(chosen)) this._select.value = chosen;
  }

  _showWay({ journey, journey_held, journey_s, journey_length_s }) {
    this._under.hidden = !journey;
    if (!journey) return;
    this._length_s = journey_length_s;
    this._seek.show(journey_length_s ? journey_s / journey_length_s : 0);
    write(this._title, journey_held ? t("journey.held", { journey }) : journey);
    if (journey_held === this._held) return;
    this._held = journey_held;
    this._hold.replaceChildren(picture(journey_held ? "play" : "hold"), make("span", {}, journey_held ? t("journey.resume") : t("journey.hold")));
  }

  // ---------------------------------------------------------------------------------------------------- the limits

  _bands(names) {
    const rows = names.map((name) => {
      const label = named("limits", name) ?? name;
      const fields = ["limits.at_least", "limits.at_most"].map((side) => make("input", { type: "number", step: "any", placeholder: t("limits.free"), "aria-label": t(side, { label }) }));
      const send = () => {
        const [low, high] = fields.map((field) => (field.value === "" ? null : Number(field.value)));
        this._send("limit", { name, low, high });
      };
      for (const field of fields) field.addEventListener("change", send);
      this._limits.set(name, fields);
      return make("div", { class: "limit field" }, make("span", {}, label), fields[0], make("i", { "aria-hidden": "true" }, "–"), fields[1]);
    });
    return make("div", { class: "group" }, make("h3", {}, t("limits.title")), make("p", { class: "hint" }, t("limits.hint")), make("div", { class: "limits" }, ...rows));
  }
}
