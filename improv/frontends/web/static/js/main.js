// The page: what the daemon says goes to every part, what a part asks for goes to the daemon.

import { Beginning } from "./beginning.js";
import { OtherDevices } from "./devices.js";
import { by, make, write } from "./dom.js";
import { Forms } from "./forms.js";
import { Health } from "./health.js";
import { help, Tour } from "./help.js";
import { Journey } from "./journey.js";
import { JourneyBook } from "./journey-book.js";
import { Learn } from "./learn.js";
import { Live } from "./live.js";
import { MidiOut } from "./midi-out.js";
import { CORNERS, icon, moodName, nearest, tint, words } from "./moods.js";
import { Pad } from "./pad.js";
import { Parts } from "./parts.js";
import { People } from "./people.js";
import { Plan } from "./plan.js";
import { Roll } from "./roll.js";
import { Scenes } from "./scenes.js";
import { Settings } from "./settings.js";
import { Shape } from "./shape.js";
import { Sound } from "./sound.js";
import { tabs } from "./tabs.js";
import { Takes } from "./takes.js";
import { t } from "./texts.js";
import { themes } from "./theme.js";
import { Together } from "./together.js";
import { Transport } from "./transport.js";

const NOTICE_MS = 6000;
const ANNOUNCE_AFTER_MS = 700; // a mood that is passed through is not spoken
// Commands that have their own place; what else the table holds gets a control among "Playing" or "Journey".
const PLACED = new Set(["mood", "point", "valence", "arousal", "intensity", "temperature", "attribute", "glide",
  "play", "pause", "play_pause", "end", "stop", "panic", "tempo", "tap", "mode", "follow", "place", "hand_over",
  "key", "chords", "chord", "phrase_bars", "reach", "form",
  "scene", "scene_next", "scene_back", "scene_place", "scene_keep", "scene_rename", "scene_delete", "scene_landing", "set_list",
  "undo", "redo", "output", "parts", "input", "session_start", "session_end",
  "begin_from_played", "begin_from_take", "begin_from_file"]);
const isJourney = ({ name }) => /^(journey|limit)/.test(name);

// Every address is relative to the page's own, which may lie below a path of another server.
const live = new Live(new URL("live", location.href).href.replace(/^http/, "ws"));
const roll = new Roll(live.clock);
const sound = new Sound(live.clock);
const midiOut = new MidiOut(live.clock, complain);
const send = (command, values) => live.send(command, values).catch((error) => complain(error.message));
const pad = new Pad((valence, arousal) => send("point", { valence, arousal }));
const shape = new Shape(send);
const transport = new Transport(send, (command) => Boolean(live.row(command)), complain);
const forms = new Forms(send);
const journey = new Journey(send);
const journeyBook = new JourneyBook(send, complain);
const together = new Together(send);
const beginning = new Beginning(send, complain);
const plan = new Plan(send);
const scenes = new Scenes(send);
const parts = new Parts(send);
const learn = new Learn(complain);
const settings = new Settings(complain, send);
new OtherDevices(complain);
const people = new People(send, complain);
const takes = new Takes(complain, send, (id) => people.nameOf(id));
const health = new Health(sound);
const tour = new Tour();
help(tour);

// ------------------------------------------------------------------------------------------------------- the wire

live
  .on("link", ({ link }) => {
    by("link").dataset.link = link;
    write(by("link").querySelector("span"), t(`link.${link}`));
    document.body.classList.toggle("is-lost", link === "lost");
    by("lost").hidden = link !== "lost";
    if (link !== "open") silence();
  })
  .on("closed", () => leaveIfShutOut()) // it may be shut out at any time, also while the page loads
  .on("hello", (hello) => {
    if (hello.role && hello.role !== document.documentElement.dataset.role) return location.reload(); // it was given another one
    build(hello);
    roll.mood = [hello.state.valence, hello.state.arousal];
    roll.clear();
    for (const part of [sound, midiOut]) part.silenced();
    roll.planned(hello.notes ?? []);
    for (const part of [roll, sound, midiOut]) part.pedalled(hello.pedals ?? []);
    if (!by("panel-takes").hidden) takes.refresh();
    if (!by("panel-people").hidden || hello.state.session) people.refresh();
  })
  .on("state", () => show(live.state))
  .on("notes", ({ notes }) => { for (const part of [roll, sound, midiOut]) part.planned(notes); })
  .on("pedals", ({ pedals }) => { for (const part of [roll, sound, midiOut]) part.pedalled(pedals); })
  .on("ends", ({ ends }) => { for (const part of [roll, sound, midiOut]) part.ended(ends); })
  .on("revoked", ({ from, kept = [] }) => { for (const part of [roll, sound, midiOut]) part.revoked(from, kept); })
  .on("silence", ({ now_s }) => silence(now_s))
  .on("control", (message) => {
    health.turned(message);
    learn.turned(message);
    if (live.state && !by("panel-health").hidden) health.show(live.state);
  })
  .on("people", () => people.changed())
  .on("person", (message) => roll.played(message));

function silence(now_s = live.clock.known ? live.clock.now() : 0) {
  roll.silenced(now_s);
  for (const part of [sound, midiOut]) part.silenced();
}

/** A device that was taken off the list is led to the way in. */
async function leaveIfShutOut() {
  const answer = await fetch("api/state").catch(() => null);
  if (answer?.status === 401) location.assign("enter");
}

function build(hello) {
  by("moods").replaceChildren(...Object.keys(hello.moods).map((name) => moodButton(name)));
  pad.showMoods(hello.moods);
  shape.build(hello);
  transport.build(hello);
  const rest = hello.commands.filter((row) => !PLACED.has(row.name));
  const built = forms.build(rest.filter((row) => !isJourney(row)), hello);
  const [buttons, others] = [true, false].map((wanted) => built.filter((part) => part.matches("button") === wanted));
  by("play-forms").replaceChildren(...others, ...[beginning.build(hello), parts.element, volume(), midiOut.field].filter(Boolean));
  by("play-buttons").replaceChildren(...buttons);
  journey.build(rest.filter(isJourney), hello);
  together.build(hello);
  plan.build(hello);
  scenes.build(hello);
  settings.build(hello);
  people.build(hello);
  journeyBook.build(hello);
}

function show(state) {
  tint(state.valence, state.arousal);
  roll.mood = [state.valence, state.arousal];
  for (const part of [pad, shape, transport, forms, journey, together, beginning, plan, scenes, parts, settings, people, journeyBook]) part.show(state);
  roll.foreseen(state.plan_ahead ?? [], state.has_plan);
  if (!by("panel-health").hidden) health.show(state);
  headline(state);
  invite(state);
  tour.offer(state);
}

// ------------------------------------------------------------------------------------------------------- the mood

let announcing = null, announced = "";

function headline(state) {
  const goal = nearest(live.hello.moods, state.target_valence, state.target_arousal).name;
  const gliding = state.glide_left_s > 0.05;
  write(by("mood-word"), moodName(state.mood));
  by("mood-icon").setAttribute("href", icon(state.mood));
  write(by("mood-note"), state.journey ? t(state.journey_held ? "mood.on_journey_held" : "mood.on_journey", { journey: state.journey }) : gliding && goal !== state.mood ? t("mood.on_way", { mood: moodName(goal), seconds: state.glide_left_s.toFixed(0) })
    : [gliding && t("mood.gliding", { seconds: state.glide_left_s.toFixed(0) }), words(state.valence, state.arousal)].filter(Boolean).join(" · "));
  for (const one of by("moods").children) one.setAttribute("aria-pressed", one.dataset.mood === goal);
  if (goal === announced) return;
  announced = goal;
  clearTimeout(announcing);
  announcing = setTimeout(() => write(by("announce"), t("mood.goes", { mood: moodName(goal) })), ANNOUNCE_AFTER_MS);
}

function moodButton(name) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("aria-hidden", "true");
  picture.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  picture.firstChild.setAttribute("href", icon(name));
  return make("button", { class: `button${name in CORNERS ? " corner" : ""}`, type: "button", title: moodName(name), "data-mood": name, "aria-pressed": "false", onclick: () => send("mood", { name }) }, picture, make("span", {}, moodName(name)));
}

// ------------------------------------------------------------------------------------------------------ the sound

by("sound").addEventListener("click", async () => {
  if (sound.on) sound.stop();
  else {
    write(by("sound").querySelector("span"), t("sound.loading"));
    await sound.start().catch((error) => complain(error.message));
  }
  by("sound").setAttribute("aria-pressed", sound.on);
  if (live.state) invite(live.state);
});

/** Where no instrument is connected, the page's own piano is offered. */
function invite(state) {
  const inviting = !sound.on && !state.connected;
  by("sound").classList.toggle("inviting", inviting);
  const icon = `static/icons.svg#sound-${sound.on || inviting ? "on" : "off"}`, use = by("sound").querySelector("use");
  if (use.getAttribute("href") !== icon) use.setAttribute("href", icon);
  write(by("sound").querySelector("span"), t(sound.on ? "sound.on" : inviting ? "sound.listen" : "sound.off"));
}

function volume() {
  const input = make("input", { type: "range", id: "volume", min: 0, max: 100, value: 100 * sound.volume });
  const paint = () => input.style.setProperty("--share", `${input.value}%`);
  input.addEventListener("input", () => { paint(); sound.setVolume(input.value / 100); });
  paint();
  return make("div", { class: "slider" }, make("label", { for: "volume" }, t("sound.volume")), input);
}

// -------------------------------------------------------------------------------------------------------- the rest

let noticing = null;

function complain(sentence) {
  const notice = by("notice");
  notice.hidden = false;
  write(notice, sentence[0].toUpperCase() + sentence.slice(1));
  clearTimeout(noticing);
  noticing = setTimeout(() => { notice.hidden = true; }, NOTICE_MS);
}

tabs(document.querySelector("[role=tablist]"), (id) => {
  if (id === "panel-takes") people.refresh().then(() => takes.refresh()); // whose takes they are
  if (id === "panel-people") people.refresh();
  if (id === "panel-journey") journeyBook.refresh();
  if (id === "panel-health" && live.state) health.show(live.state);
});
themes(() => {
  if (live.state) tint(live.state.valence, live.state.arousal);
  pad.paint();
  roll.restyle();
});
live.open();
globalThis.brainmusic = { live, roll, sound, send }; // for the console, and for tests
