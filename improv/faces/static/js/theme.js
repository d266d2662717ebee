// Light, dark, and the stage. What a person chose is remembered in this browser.

import { by } from "./dom.js";
import { theme } from "./moods.js";

const KEY = "brainmusic-theme";

/** changed(): colours must be read anew. */
export function themes(changed) {
  const set = (name) => {
    document.documentElement.dataset.theme = name;
    by("theme").setAttribute("aria-label", name === "dark" ? "Light page" : "Dark page");
    changed();
  };
  by("theme").addEventListener("click", () => {
    const name = theme() === "dark" ? "light" : "dark";
    set(name);
    try { localStorage.setItem(KEY, name); } catch { /* a browser that keeps nothing */ }
  });
  by("stage").addEventListener("click", () => {
    const on = document.documentElement.classList.toggle("on-stage");
    by("stage").setAttribute("aria-pressed", on);
    if (on) set("dark");
    else changed();
    if (on) document.documentElement.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
  });
  let kept = null;
  try { kept = localStorage.getItem(KEY); } catch { /* likewise */ }
  set(kept ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
}
