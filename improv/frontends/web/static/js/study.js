// A listening test: consent, then one question after the other; what a stimulus is, this page is never told.

import { button, by, make, makeSvg, write } from "./dom.js";
import { Piano, touchOf } from "./piano.js";
import { named, t } from "./texts.js";

const AHEAD_S = 0.5, EVERY_MS = 60, BEGIN_S = 0.15; // notes are handed to the piano so long before they sound
const STEPS = 100; // of a slider, to each side
const CHORD = { seconds: 3, gain_db: 6, notes: [60, 64, 67, 72].map((pitch, index) => [pitch, 70, 0.3 * index, 2.5]) };
const CHOICES = { human: ["human", "machine"], pair: ["first", "second"] };

/** Plays excerpts on the page's piano, all at the level that was measured for each. */
class Player {
  constructor() { this._stop = () => {}; }

  async _open() {
    if (this._piano) return;
    this._context ??= new AudioContext();
    const piano = new Piano(this._context, await touchOf());
    await piano.load();
    this._piano = piano;
  }

  /** share(0..1): called as it goes on. Resolves to true when it was heard to its end, to false when it was stopped. */
  async play({ seconds, gain_db, notes }, share = () => {}) {
    await this._open();
    await this._context.resume();
    this.stop();
    this._piano.volume.gain.value = 10 ** (gain_db / 20);
    const begin_s = this._context.currentTime + BEGIN_S;
    let next = 0;
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const at_s = this._context.currentTime - begin_s;
        for (; next < notes.length && notes[next][2] < at_s + AHEAD_S; next++) {
          const [pitch, velocity, on_s, off_s] = notes[next];
          this._piano.begin(next, pitch, velocity, begin_s + on_s);
          this._piano.end(next, begin_s + off_s);
        }
        share(Math.min(Math.max(at_s / seconds, 0), 1));
        if (at_s >= seconds) end(true);
      }, EVERY_MS);
      const end = (heard) => {
        clearInterval(timer);
        this._stop = () => {};
        if (!heard) this._piano.silence();
        resolve(heard);
      };
      this._stop = () => end(false);
    });
  }

  stop() { this._stop(); }
}

const player = new Player();

/** One stimulus: a button to hear it, how far it is, and how often it was begun. */
class Excerpt {
  /** changed(): it was heard to its end. */
  constructor(name, label, changed) {
    this.plays = 0;
    this.heard = false;
    this._play = button(label, { onclick: () => this._toggle(name, changed) }, "play");
    this._progress = make("progress", { max: 1, value: 0, "aria-label": label });
    this.element = make("div", {}, this._play, this._progress);
  }

  async _toggle(name, changed) {
    try {
      this._stimulus ??= await asked(`api/stimulus/${name}`);
      this.plays += 1;
      const heard = await player.play(this._stimulus, (share) => { this._progress.value = share; });
      this.heard ||= heard;
      changed();
    } catch (error) {
      complain(error.message);
    }
  }
}

/** Where the music lies on the plane, by pointer or by two sliders. */
class Plane {
  constructor(changed) {
    this.place = null;
    this._changed = changed;
    this._dot = makeSvg("circle", { r: 0.06, cx: 0, cy: 0, visibility: "hidden" });
    const word = (x, y, key) => makeSvg("text", { x, y, "text-anchor": "middle" }, t(key));
    this._svg = makeSvg("svg", { class: "plane", viewBox: "-1.3 -1.25 2.6 2.5", "aria-hidden": "true" },
      makeSvg("rect", { x: -1, y: -1, width: 2, height: 2, rx: 0.05 }), makeSvg("path", { d: "M0 -1V1M-1 0H1" }),
      word(0, -1.08, "study.lively"), word(0, 1.17, "study.quiet"),
      makeSvg("g", { transform: "translate(-1.1 0) rotate(-90)" }, word(0, 0, "study.unpleasant")), makeSvg("g", { transform: "translate(1.18 0) rotate(-90)" }, word(0, 0, "study.pleasant")), this._dot);
    this._sliders = ["valence", "arousal"].map((axis) => this._slider(axis));
    this._svg.addEventListener("pointerdown", (event) => {
      this._svg.setPointerCapture(event.pointerId);
      this._point(event);
    });
    this._svg.addEventListener("pointermove", (event) => this._svg.hasPointerCapture(event.pointerId) && this._point(event));
    this.element = make("div", {}, this._svg, ...this._sliders.map(({ element }) => element));
  }

  _slider(axis) {
    const id = `slider-${axis}`, input = make("input", { type: "range", id, min: -STEPS, max: STEPS, value: 0 });
    input.addEventListener("input", () => this._go(...this._sliders.map((one) => one.input.value / STEPS)));
    return { input, element: make("div", { class: "slider" }, make("label", { for: id }, t(`study.${axis}`)), input) };
  }

  _point(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(this._svg.getScreenCTM().inverse());
    this._go(Math.min(Math.max(x, -1), 1), Math.min(Math.max(-y, -1), 1));
  }

  _go(valence, arousal) {
    this.place = { valence, arousal };
    this._dot.setAttribute("cx", valence);
    this._dot.setAttribute("cy", -arousal);
    this._dot.setAttribute("visibility", "visible");
    [valence, arousal].forEach((value, index) => {
      const { input } = this._sliders[index];
      input.value = Math.round(value * STEPS);
      input.style.setProperty("--share", `${50 + 50 * value}%`);
    });
    this._changed();
  }
}

/** A choice of buttons. */
class Choice {
  constructor(task, changed) {
    this.place = null;
    this._buttons = CHOICES[task].map((answer) => button(t(`study.${answer}`), { "aria-pressed": "false", onclick: () => {
      this.place = { answer };
      for (const one of this._buttons) one.setAttribute("aria-pressed", one === chosen(answer));
      changed();
    } }));
    const chosen = (answer) => this._buttons[CHOICES[task].indexOf(answer)];
    this.element = make("div", { class: "choices", role: "group", "aria-label": t(`study.ask_${task}`) }, ...this._buttons);
  }
}

class Study {
  constructor(told) {
    this._told = told;
    this._key = `brainmusic-study-${told.id}`;
    if (told.title) write(by("title"), told.title);
  }

  /** From the beginning, or where this browser was before. */
  async begin() {
    this._listener = kept(this._key);
    if (this._listener) return this._next().catch(() => this._consent()); // the answers of before are gone
    return this._consent();
  }

  _consent() {
    const practice = this._told.practice.map((name) => make("input", { type: "radio", name: "practice", value: name, required: true }));
    const agree = make("input", { type: "checkbox", id: "agree", required: true });
    const form = make("form", {},
      make("h2", {}, t("study.welcome")),
      make("p", { id: "consent" }, this._told.consent || t("study.consent")),
      make("fieldset", {}, make("legend", {}, t("study.practice")), ...practice.map((input) => make("label", {}, input, t(`study.practice_${input.value}`)))),
      make("p", {}, t("study.volume")),
      make("div", { class: "choices" }, button(t("study.try_sound"), { onclick: () => player.play(CHORD).catch((error) => complain(error.message)) }, "play")),
      make("label", { class: "agree" }, agree, t("study.agree")),
      make("div", { class: "choices" }, button(t("study.begin"), { type: "submit", id: "begin" })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._agreed(new FormData(form).get("practice")).catch((error) => complain(error.message));
    });
    show(form);
  }

  async _agreed(practice) {
    player.stop();
    const { listener } = await asked("api/begin", { practice });
    this._listener = listener;
    keep(this._key, listener);
    await this._next();
  }

  async _next() {
    const { of, left } = await asked(`api/questions/${this._listener}`);
    if (!left.length) return show(make("h2", {}, t("study.thanks")), make("p", {}, t("study.code", { code: this._listener })));
    return this._ask(left[0], of);
  }

  _ask(question, of) {
    const { task, number } = question, began_ms = performance.now();
    const ready = () => { next.disabled = !(answer.place && excerpts.every(({ heard }) => heard)); };
    const names = [question.first, question.second].filter(Boolean);
    const excerpts = names.map((name, index) => new Excerpt(name, names.length > 1 ? t(`study.listen_${index ? "second" : "first"}`) : t("study.listen"), ready));
    const answer = task === "rate" ? new Plane(ready) : new Choice(task, ready);
    const next = button(t("study.next"), { id: "next", disabled: true });
    next.addEventListener("click", async () => {
      next.disabled = true;
      player.stop();
      const took_s = (performance.now() - began_ms) / 1000, plays = excerpts.reduce((sum, one) => sum + one.plays, 0);
      try {
        await asked("api/answer", { listener: this._listener, number, plays, took_s, ...answer.place });
        await this._next();
      } catch (error) {
        complain(error.message);
        next.disabled = false;
      }
    });
    show(make("p", { class: "progress" }, t("study.progress", { number, of })), make("h2", {}, t(`study.ask_${task}`)),
      ...excerpts.map(({ element }) => element), answer.element, make("p", { class: "progress" }, t("study.hear_first")), make("div", { class: "choices" }, next));
    by("main").dataset.number = number;
  }
}

function show(...parts) {
  by("notice").hidden = true;
  by("main").replaceChildren(...parts);
  by("main").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function complain(sentence) {
  by("notice").hidden = false;
  write(by("notice"), sentence);
}

/** The answer of the server, of a GET or, with a body, of a POST; throws a sentence. */
async function asked(address, body) {
  const request = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(address, request);
  } catch {
    throw new Error(t("study.lost"));
  }
  if (!answer.ok) throw new Error(named("study", `refused_${answer.status}`) ?? t("study.refused"));
  return answer.json();
}

const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* a browser that keeps nothing */ } };

new Study(await asked("api/study")).begin();
