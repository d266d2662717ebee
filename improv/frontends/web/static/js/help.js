// Help: keys, gestures, what each tab does; and a tour of a few steps at the first visit in this browser.

import { by, write } from "./dom.js";
import { t } from "./texts.js";
import { onStage } from "./theme.js";
import { writes } from "./transport.js";

const KEPT = "brainmusic-toured";
const STEPS = [["mood", ".pad-frame"], ["sound", "#sound"], ["transport", "#transport"], ["tabs", ".tabs"], ["help", "#help-open"]];

/** tour: shown again from the help. */
export function help(tour) {
  const dialog = by("help");
  by("help-open").addEventListener("click", () => dialog.showModal());
  by("help-close").addEventListener("click", () => dialog.close());
  by("help-tour").addEventListener("click", () => {
    dialog.close();
    tour.begin();
  });
  document.addEventListener("keydown", (event) => {
    const { tagName, type } = event.target;
    if (event.key !== "?" || event.ctrlKey || event.metaKey || writes(tagName, type) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    dialog.showModal();
  });
}

/** A card beside the page, which stays in use: Panic is there meanwhile. Escape ends it, and nothing else. */
export class Tour {
  constructor() {
    this._step = null; // null: it does not run
    this._shown = null; // what the step is about
    this._from = null; // where the focus was
    by("tour-skip").addEventListener("click", () => this.end());
    by("tour-back").addEventListener("click", () => this._show(this._step - 1));
    by("tour-next").addEventListener("click", () => (this._step + 1 < STEPS.length ? this._show(this._step + 1) : this.end()));
    addEventListener("keydown", (event) => {
      if (this._step === null || event.key !== "Escape" || document.querySelector("dialog[open]")) return;
      event.preventDefault(); // it is Panic otherwise
      event.stopPropagation();
      this.end();
    }, true);
    by("stage").addEventListener("click", () => this.end());
  }

  /** At the first visit, unless somebody performs. */
  offer(state) {
    if (state.set_list?.length) return this.end();
    let kept = "yes";
    try { kept = localStorage.getItem(KEPT); } catch { /* a browser that keeps nothing would show it every time */ }
    if (!kept && this._step === null && !onStage()) this.begin();
  }

  begin() {
    if (onStage()) return;
    this._from = document.activeElement;
    by("tour").hidden = false;
    this._show(0);
    by("tour-next").focus({ preventScroll: true });
  }

  end() {
    if (this._step === null) return;
    this._step = null;
    this._point(null);
    const held = by("tour").contains(document.activeElement);
    by("tour").hidden = true;
    if (held) (this._from?.isConnected && this._from !== document.body ? this._from : by("help-open")).focus({ preventScroll: true });
    try { localStorage.setItem(KEPT, "yes"); } catch { /* likewise */ }
  }

  _show(step) {
    this._step = step;
    const [name, place] = STEPS[step], shown = document.querySelector(place);
    write(by("tour-place"), t("tour.place", { step: step + 1, steps: STEPS.length }));
    write(by("tour-title"), t(`tour.${name}`));
    write(by("tour-text"), t(`tour.${name}_text`));
    by("tour-back").disabled = step === 0;
    write(by("tour-next"), t(step + 1 < STEPS.length ? "tour.next" : "tour.done"));
    this._point(shown);
    shown.scrollIntoView({ block: name === "mood" ? "start" : "center" });
    const { top, bottom } = shown.getBoundingClientRect();
    by("tour").classList.toggle("above", (top + bottom) / 2 > 0.55 * innerHeight);
  }

  _point(shown) {
    this._shown?.classList.remove("toured");
    this._shown = shown;
    shown?.classList.add("toured");
  }
}
