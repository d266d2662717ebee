// The journeys: each with its length and its path, and a form to make and change one's own.

import { answered } from "./answer.js";
import { asked } from "./ask.js";
import { button, by, make, makeSvg, throttled } from "./dom.js";
import { LIMITED } from "./journey.js";
import { moodName } from "./moods.js";
import { named, t } from "./texts.js";

const PREVIEW_EVERY_MS = 700;
const HERE = "here";
const NEW_ISO = { name: "", iso: { from: HERE, to: "calm", match: 120, lead: 600, hold: 300, steps: 3 }, limits: {}, end: false };

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, "0")}`;
const fileName = (title) => title.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);

/** The path on the mood plane, and pleasantness and excitement over time. */
function drawn({ name, points, length_s }) {
  const on = (low, size, value) => low + size * (1 + value) / 2;
  const line = (cls, pairs) => makeSvg("polyline", { class: cls, points: pairs.map((pair) => pair.map((x) => x.toFixed(1)).join(",")).join(" ") });
  const across = (s) => 130 + 190 * (length_s ? s / length_s : 0);
  const plane = points.map(([, valence, arousal]) => [on(12, 80, valence), on(12, 80, -arousal)]);
  return makeSvg("svg", { class: "journey-picture", viewBox: "0 0 330 112", role: "img", "aria-label": t("journeys.picture", { name, length: clock(length_s) }) },
    makeSvg("rect", { class: "frame", x: 8, y: 8, width: 88, height: 88 }), makeSvg("path", { class: "frame", d: "M52 8V96M8 52H96" }),
    line("path", plane), makeSvg("circle", { cx: plane.at(-1)[0], cy: plane.at(-1)[1], r: 4 }),
    makeSvg("rect", { class: "frame", x: 130, y: 8, width: 190, height: 88 }), makeSvg("path", { class: "frame", d: "M130 52H320" }),
    line("pleasant", points.map(([s, valence]) => [across(s), on(12, 80, -valence)])), line("excited", points.map(([s, , arousal]) => [across(s), on(12, 80, -arousal)])),
    label(8, 108, t("journeys.mood")), label(130, 108, "0:00"), label(320, 108, clock(length_s), "end"));
}

const label = (x, y, text, anchor = "start") => makeSvg("text", { x, y, "text-anchor": anchor }, text);

export class JourneyBook {
  /** send(command, values): to the engine. say(sentence): tell the person. */
  constructor(send, say) {
    this._send = send;
    this._say = say;
    this._moods = [];
    this._known = []; // names that the engine can start
    this._list = make("div", {});
    this._form = make("div", {});
    this._new = button(t("journeys.new"), { class: "button for-curators", onclick: () => this._edit(structuredClone(NEW_ISO), "") }, "plus");
    by("journey-book").replaceChildren(
      make("h3", { class: "part" }, t("journeys.title")),
      make("p", { class: "hint" }, t("journeys.legend")),
      this._list, make("div", { class: "row" }, this._new), this._form);
  }

  build(hello) { this._moods = Object.keys(hello.moods); }

  show({ journeys }) {
    const before = this._known.join("\n");
    this._known = journeys ?? [];
    if (before !== this._known.join("\n") && !by("panel-journey").hidden) this.refresh();
  }

  async refresh() {
    const told = await answered("api/journeys", undefined, this._say, this._new);
    if (told) this._list.replaceChildren(make("ul", { class: "rows" }, ...told.map((journey) => this._row(journey))));
  }

  _row(journey) {
    const { file, name, length_s, own, here, form } = journey;
    const start = button(t("journey.start"), { "aria-label": t("journeys.start_long", { name }), disabled: !this._known.includes(file), onclick: () => this._send("journey_start", { name: file }) }, "play");
    const change = button(t(own ? "journeys.change" : "journeys.copy"), { class: "button for-curators", "aria-label": t(own ? "journeys.change_long" : "journeys.copy_long", { name }), onclick: () => this._edit(structuredClone(form), file) }, "note");
    const out = own ? button("", { class: "button icon for-curators", "aria-label": t("journeys.delete_long", { name }), title: t("journeys.delete"), onclick: () => this._delete(journey, out) }, "delete") : null;
    const facts = [file, clock(length_s), t(own ? "journeys.yours" : "journeys.included"), here && t("journeys.from_here")].filter(Boolean).join(" · ");
    return make("li", {}, make("span", {}, make("b", {}, name), make("br"), make("span", { class: "person-facts" }, facts)), drawn(journey), make("div", { class: "row" }, start, change, out));
  }

  async _delete({ file, name }, asking) {
    if (!(await asked(t("journeys.delete_question", { name }), t("ask.delete"), false))) return;
    if (await answered(`api/journeys/${file}`, { method: "DELETE" }, this._say, asking)) await this.refresh();
    this._new.focus();
  }

  // -------------------------------------------------------------------------------------------------------- the form

  _edit(form, file) {
    this._values = { limits: {}, end: false, ...form };
    this._file = file;
    this._preview = throttled(() => this._look(), PREVIEW_EVERY_MS);
    const title = this._text("journey-title", t("journeys.name"), form.name ?? file, (value) => { this._values.name = value; });
    const kind = this._choice("journey-kind", t("journeys.kind"), [["iso", t("journeys.iso")], ["points", t("journeys.points")]], form.iso ? "iso" : "points", (value) => this._turn(value));
    this._way = make("div", { class: "group" });
    this._picture = make("div", { role: "status" });
    const keep = button(t("journeys.keep"), { type: "submit" });
    const shape = make("form", { class: "group journey-form", "aria-label": t("journeys.form") }, make("div", { class: "forms" }, title, kind), this._way, this._limits(),
      this._check("journey-end", t("journeys.end"), this._values.end, (value) => { this._values.end = value; }),
      this._picture, make("div", { class: "row" }, keep, button(t("ask.cancel"), { onclick: () => this._close() })));
    shape.addEventListener("submit", (event) => {
      event.preventDefault();
      this._keep(keep);
    });
    shape.addEventListener("input", () => this._preview());
    this._form.replaceChildren(shape);
    this._drawWay();
    this._preview();
    by("journey-title").focus();
  }

  _close() {
    this._form.replaceChildren();
    this._new.focus();
  }

  _turn(kind) {
    if (kind === "iso") {
      delete this._values.points;
      this._values.iso = structuredClone(NEW_ISO.iso);
    } else {
      delete this._values.iso;
      this._values.points = [{ at: 0, mood: "anxious" }, { at: 600, mood: "calm" }];
    }
    this._drawWay();
  }

  _drawWay() {
    const { iso, points } = this._values;
    this._way.replaceChildren(iso ? this._iso(iso) : this._points(points));
  }

  _iso(iso) {
    const moods = this._places();
    return make("div", { class: "forms" },
      this._choice("iso-from", t("journeys.from"), [[HERE, t("journeys.here")], ...moods], this._placed(iso.from ?? HERE), (value) => { iso.from = this._place(value); }),
      this._choice("iso-to", t("journeys.to"), moods, this._placed(iso.to), (value) => { iso.to = this._place(value); }),
      this._minutes("iso-match", t("journeys.match"), iso.match, (s) => { iso.match = s; }),
      this._minutes("iso-lead", t("journeys.lead"), iso.lead, (s) => { iso.lead = s; }),
      this._minutes("iso-hold", t("journeys.hold"), iso.hold, (s) => { iso.hold = s; }),
      this._number("iso-steps", t("journeys.steps"), iso.steps, { min: 3, max: 20, step: 1 }, (value) => { iso.steps = value; }));
  }

  _points(points) {
    const rows = points.map((point, index) => make("div", { class: "row" },
      this._minutes(`point-at-${index}`, t("journeys.point_at", { number: index + 1 }), point.at, (s) => { point.at = s; }),
      this._choice(`point-mood-${index}`, t("journeys.point_mood", { number: index + 1 }), this._places(), this._placed(point.mood), (value) => { point.mood = this._place(value); }),
      points.length > 1 ? button("", { class: "button icon", "aria-label": t("journeys.remove_point", { number: index + 1 }), title: t("people.remove"), onclick: () => { points.splice(index, 1); this._drawWay(); this._preview(); } }, "abort") : null));
    const more = button(t("journeys.another_point"), { onclick: () => {
      points.push({ at: points.at(-1).at + 120, mood: points.at(-1).mood });
      this._drawWay();
      this._preview();
    } }, "plus");
    return make("div", { class: "journey-points" }, ...rows, make("div", { class: "row" }, more));
  }

  _limits() {
    const rows = LIMITED.map((name) => {
      const text = named("limits", name), label = t("journeys.limit", { label: text });
      const fields = ["limits.at_least", "limits.at_most"].map((words, side) => make("input", { type: "number", step: "any", placeholder: t("limits.free"), value: this._values.limits[name]?.[side] ?? "", "aria-label": t(words, { label }) }));
      for (const field of fields) field.addEventListener("input", () => {
        const [low, high] = fields.map(({ value }) => (value === "" ? null : Number(value)));
        if (low === null || high === null) delete this._values.limits[name];
        else this._values.limits[name] = [low, high];
      });
      return make("div", { class: "limit field" }, make("span", {}, text), fields[0], make("i", { "aria-hidden": "true" }, "–"), fields[1]);
    });
    return make("div", { class: "group" }, make("p", { class: "hint" }, t("journeys.limits")), make("div", { class: "limits" }, ...rows));
  }

  /** Names of moods, and the points that the journey has beside them. */
  _places() { return this._moods.map((name) => [name, moodName(name)]); }
  _placed(place) { return typeof place === "string" ? place : JSON.stringify(place); }
  _place(value) { return value.startsWith("[") ? JSON.parse(value) : value; }

  _field(id, text, input) { return make("div", { class: "field" }, make("label", { for: id }, text), input); }

  _text(id, text, value, set) {
    const input = make("input", { id, type: "text", maxlength: 60, required: true, autocomplete: "off", value });
    input.addEventListener("input", () => set(input.value));
    return this._field(id, text, input);
  }

  _number(id, text, value, range, set) {
    const input = make("input", { id, type: "number", required: true, value, ...range });
    input.addEventListener("input", () => input.value !== "" && set(Number(input.value)));
    return this._field(id, text, input);
  }

  _minutes(id, text, seconds, set) { return this._number(id, text, Number((seconds / 60).toFixed(2)), { min: 0, max: 1440, step: "any" }, (value) => set(Math.round(60 * value))); }

  _choice(id, text, offered, value, set) {
    const all = offered.some(([name]) => name === value) ? offered : [...offered, [value, t("journeys.at_point", { point: value })]];
    const select = make("select", { id }, ...all.map(([name, words]) => make("option", { value: name }, words)));
    select.value = value;
    select.addEventListener("input", () => set(select.value));
    return this._field(id, text, select);
  }

  _check(id, text, value, set) {
    const input = make("input", { id, type: "checkbox", checked: Boolean(value) });
    input.addEventListener("input", () => set(input.checked));
    return make("div", { class: "field check" }, input, make("label", { for: id }, text));
  }

  // --------------------------------------------------------------------------------------------------------- asking

  /** One preview at a time; what is typed meanwhile is looked at once more. */
  async _look() {
    if (this._looking) {
      this._again = true;
      return;
    }
    if (!this._picture.closest("form").checkValidity()) return; // half filled in
    this._looking = true;
    const looked = this._values;
    try {
      const answer = await fetch("api/journeys", this._posted()), told = await answer.json();
      if (looked !== this._values || !this._picture.isConnected) return;
      if (answer.ok) this._picture.replaceChildren(drawn(told));
      else this._picture.replaceChildren(make("p", { class: "warn" }, told.error));
    } catch { /* the page says that the connection is lost */ } finally {
      this._looking = false;
      const again = this._again && this._picture.isConnected;
      this._again = false;
      if (again) this._preview();
    }
  }

  async _keep(asking) {
    const name = fileName(this._values.name || this._file) || "journey";
    if (await answered(`api/journeys/${name}`, this._posted(), this._say, asking)) {
      await this.refresh();
      this._close();
    }
  }

  _posted() { return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(this._values) }; }
}
