// A journey: a way through the moods that takes its time, and the limits within which it stays.

import { button, by, make, write } from "./dom.js";
import { Forms } from "./forms.js";

const minutes = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

export class Journey {
  /** send(command, values) */
  constructor(send) {
    this._forms = new Forms(send);
    this._progress = make("i");
    this._text = make("p", { class: "hint" });
    this._bar = make("div", { class: "progress", role: "progressbar", "aria-label": "Way through the journey", "aria-valuemin": 0, "aria-valuemax": 100 }, this._progress);
  }

  build(rows, hello) {
    const elements = this._forms.build(rows, hello);
    const buttons = elements.filter((element) => element.matches("button"));
    by("journey").replaceChildren(
      rows.length ? make("div", { class: "group" }, this._text, this._bar, make("div", { class: "row" }, ...buttons))
        : make("p", { class: "empty" }, "This BrainMusic knows no journeys."),
      make("div", { class: "forms" }, ...elements.filter((element) => !element.matches("button"))),
    );
  }

  show(state) {
    this._forms.show(state);
  }
}
