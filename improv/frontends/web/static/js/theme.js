// Light, dark, and the stage. What a person chose is remembered in this browser.

import { by, write } from "./dom.js";
import { theme } from "./moods.js";
import { t } from "./texts.js";

const KEY = "brainmusic-theme";

let awake = null;
let full = false; // the stage has the whole screen

/** A stage must not go dark in the middle; browsers allow it only on this computer or over HTTPS. */
async function keepAwake(on) {
  if (on) awake = await navigator.wakeLock?.request("screen").catch(() => null);
  else awake?.release();
}

export const onStage = () => document.documentElement.classList.contains("on-stage");

/** In full screen the browser takes Escape to leave it; where it lends the key to a page, Escape stays Panic. */
async function entered() {
  if (!onStage()) return document.exitFullscreen(); // the stage was left before the screen was given
  full = true;
  const kept = await navigator.keyboard?.lock?.(["Escape"]).then(() => true, () => false);
  if (full) write(by("stage-keys"), t(kept ? "transport.keys_held" : "transport.keys_full"));
}

function left() {
  full = false;
  navigator.keyboard?.unlock?.();
  write(by("stage-keys"), t("transport.keys"));
}

/** What was chosen in this browser, else what the system asks for. */
function chosen() {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept) return kept;
  } catch { /* a browser that keeps nothing */ }
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

/** changed(): colours must be read anew. */
export function themes(changed) {
  const set = (name) => {
    document.documentElement.dataset.theme = name;
    by("theme").setAttribute("aria-label", t(name === "dark" ? "page.light" : "page.dark"));
    changed();
  };
  by("theme").addEventListener("click", () => {
    const name = theme() === "dark" ? "light" : "dark";
    set(name);
    try { localStorage.setItem(KEY, name); } catch { /* a browser that keeps nothing */ }
  });
  const stage = (on) => {
    document.documentElement.classList.toggle("on-stage", on);
    by("stage").setAttribute("aria-pressed", on);
    set(on ? "dark" : chosen());
  };
  by("stage").addEventListener("click", () => {
    const on = !onStage();
    stage(on);
    if (on) document.documentElement.requestFullscreen?.().then(entered).catch(() => {});
    else {
      left();
      if (document.fullscreenElement) document.exitFullscreen();
    }
    keepAwake(on);
  });
  document.addEventListener("fullscreenchange", () => {
    if (document.fullscreenElement || !full) return; // an end that comes late may find the stage begun again
    left();
    stage(false);
  });
  set(chosen());
}
