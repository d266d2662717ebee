// A control for each command of the daemon's table that has no better place on the page.

import { button, make } from "./dom.js";
import { Slider } from "./slider.js";
import { named } from "./texts.js";

/** What a command does, in the language of the page; one that it does not know yet as the daemon says it. */
export const about = (row) => named("about", row.name) ?? row.text;
const titled = (row) => row.label ?? named("commands", row.name) ?? sentence(row.name);
const sentence = (name) => {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
};
const FEW = 3;
let count = 0;

/** What the state says of a command's argument: clock_source, or model. */
const valueOf = (state, row, argument) => state[`${row.name}_${argument.name}`] ?? state[row.name];

/** The choices of an argument; those known only while the program runs stand in hello under the name of choices_of. */
export const choices = (argument, hello) => {
  if (argument.choices?.length) return argument.choices;
  const named = hello[argument.choices_of] ?? hello.state[argument.choices_of] ?? [];
  return Array.isArray(named) ? named : Object.keys(named);
};

export class Forms {
  /** send(command, values) */
  constructor(send) {
    this._send = send;
    this._shown = [];
  }

  /** Elements for rows of the table. */
  build(rows, hello) {
    this._hello = hello;
    this._shown = [];
    return rows.map((row) => this._row(row));
  }

  show(state) { for (const show of this._shown) show(state); }

  _row(row) {
    const [only, ...more] = row.arguments;
    if (!only) return button(titled(row), { title: about(row), onclick: () => this._send(row.name) });
    if (!more.length && only.kind === "number" && Number.isFinite(only.low) && Number.isFinite(only.high)) return this._slider(row, only);
    if (!more.length && only.kind === "choice") return only.choices?.length <= FEW ? this._few(row, only) : this._choice(row, only);
    return this._form(row);
  }

  _slider(row, argument) {
    const text = (value) => `${Number(value.toFixed(2))} ${argument.unit ?? ""}`.trim();
    const slider = new Slider({ label: titled(row), low: argument.low, high: argument.high, text, hint: about(row), send: (value) => this._send(row.name, { [argument.name]: Number(value.toFixed(3)) }) });
    slider.show(argument.default ?? argument.low);
    this._shown.push((state) => Number.isFinite(state[row.name]) && slider.show(state[row.name]));
    return slider.element;
  }

  /** Few choices, known beforehand: all of them in sight. */
  _few(row, argument) {
    const buttons = argument.choices.map((name) => button(named("choices", name) ?? sentence(name), { "aria-pressed": "false", onclick: () => this._send(row.name, { [argument.name]: name }) }));
    this._shown.push((state) => {
      const value = valueOf(state, row, argument);
      buttons.forEach((one, index) => one.setAttribute("aria-pressed", argument.choices[index] === value));
    });
    const label = titled(row);
    return make("div", { class: "field", role: "group", "aria-label": label, title: about(row) }, make("span", { "aria-hidden": "true" }, label), make("div", { class: "choice" }, ...buttons));
  }

  _choice(row, argument) {
    const id = `choice-${++count}`;
    const select = make("select", { id, title: about(row) });
    select.addEventListener("change", () => this._send(row.name, { [argument.name]: select.value }));
    const fill = (names) => select.replaceChildren(...names.map((name) => make("option", { value: name }, named("choices", name) ?? name)));
    fill(choices(argument, this._hello));
    this._shown.push((state) => {
      const value = valueOf(state, row, argument);
      if (document.activeElement === select || select.value === value) return;
      if (![...select.options].some((option) => option.value === value)) select.prepend(make("option", { value }, value)); // a file's own name
      select.value = value;
    });
    return make("div", { class: "field" }, make("label", { for: id }, titled(row)), select);
  }

  _form(row) {
    const readers = row.arguments.map((argument) => this._field(row, argument));
    const form = make("form", { class: "group" });
    form.append(make("p", { class: "hint" }, about(row)), make("div", { class: "row" }, ...readers.map(({ element }) => element), button(titled(row), { type: "submit" })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = readers.map(({ name, read }) => [name, read()]).filter(([, value]) => value !== undefined);
      this._send(row.name, Object.fromEntries(values));
    });
    return form;
  }

  _field(row, argument) {
    const id = `field-${++count}`, label = (named("arguments", argument.name) ?? sentence(argument.name)) + (argument.unit ? `, ${argument.unit}` : "");
    if (argument.kind === "flag") {
      const input = make("input", { type: "checkbox", id });
      return { name: argument.name, read: () => input.checked, element: make("div", { class: "field check" }, input, make("label", { for: id, title: argument.text }, label)) };
    }
    const numeric = argument.kind === "number" || argument.kind === "whole";
    const offered = argument.kind === "choice" ? choices(argument, this._hello) : [];
    const input = argument.kind === "choice"
      ? make("select", { id }, argument.optional && make("option", { value: "" }, "–"), ...offered.map((name) => make("option", { value: name }, name)))
      : make("input", { id, type: numeric ? "number" : "text", min: argument.low, max: argument.high, step: argument.kind === "whole" ? 1 : "any", required: !argument.optional && !argument.nullable, value: argument.default });
    const read = () => {
      if (input.value === "") return argument.nullable ? null : undefined;
      return numeric ? Number(input.value) : input.value;
    };
    return { name: argument.name, read, element: make("div", { class: `field${numeric ? "" : " wide"}` }, make("label", { for: id, title: argument.text }, label), input) };
  }
}
