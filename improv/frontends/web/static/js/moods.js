// What a mood looks like: its colour, its icon, its words. Never colour alone.

import { named, t } from "./texts.js";

export const CORNERS = { happy: [1, 1], nervous: [-1, 1], sad: [-1, -1], calm: [1, -1] };

// OKLCH hue of each corner, degrees. Lightness by what the colour is for, so that the ink on it is readable; chroma of
// each corner as much as sRGB has at that lightness, so that the way between them has no crease.
const HUE = { happy: 78, nervous: 18, sad: 272, calm: 176 };
const LIFT = 0.62; // colours between the corners would be grey: their chroma is this power of its share of the fullest
const vivid = (lightness, chroma) => ({ lightness, chroma: { happy: chroma, nervous: chroma, sad: chroma, calm: chroma } });
const SHADES = {
  dark: {
    area: vivid(0.8, 0.12), text: vivid(0.8, 0.12), note: vivid(0.76, 0.13),
    field: { lightness: 0.45, chroma: { happy: 0.094, nervous: 0.15, sad: 0.15, calm: 0.08 } },
  },
  light: {
    area: vivid(0.8, 0.12), text: vivid(0.49, 0.12), note: vivid(0.63, 0.14),
    field: { lightness: 0.86, chroma: { happy: 0.13, nervous: 0.085, sad: 0.075, calm: 0.12 } },
  },
};

/** Share of each corner at a point of the plane, -1..1 each. */
function weights(valence, arousal) {
  const right = (valence + 1) / 2, up = (arousal + 1) / 2;
  return { happy: right * up, nervous: (1 - right) * up, sad: (1 - right) * (1 - up), calm: right * (1 - up) };
}

/** OKLab -> sRGB 0..255 (B. Ottosson, "A perceptual color space for image processing", 2020). */
function srgb(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => {
    const clipped = Math.min(Math.max(linear, 0), 1);
    return 255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055);
  });
}

/** Colour of a point of the plane, [r, g, b]. use: area, text, field (the pad's ground) or note. */
export function rgb(valence, arousal, theme, use) {
  const { lightness, chroma } = SHADES[theme][use];
  let a = 0, b = 0;
  for (const [name, weight] of Object.entries(weights(valence, arousal))) {
    const angle = (HUE[name] * Math.PI) / 180;
    a += weight * chroma[name] * Math.cos(angle);
    b += weight * chroma[name] * Math.sin(angle);
  }
  const share = Math.hypot(a, b) / Math.max(...Object.values(chroma));
  const lift = share > 0 ? share ** (LIFT - 1) : 0;
  return srgb(lightness, lift * a, lift * b);
}

export const colour = (...point) => `rgb(${rgb(...point).map(Math.round).join(" ")})`;

export const theme = () => (document.documentElement.dataset.theme === "light" ? "light" : "dark");

/** One accent per mood, over the whole page. */
export function tint(valence, arousal) {
  const style = document.documentElement.style;
  style.setProperty("--accent", colour(valence, arousal, theme(), "area"));
  style.setProperty("--accent-text", colour(valence, arousal, theme(), "text"));
}

export const icon = (name) => `static/icons.svg#${name in CORNERS ? name : "own"}`;

export const nearest = (moods, valence, arousal) =>
  Object.entries(moods).reduce((best, [name, [v, a]]) => {
    const distance = Math.hypot(v - valence, a - arousal);
    return distance < best.distance ? { name, distance } : best;
  }, { name: "", distance: Infinity });

/** In words, for the eye and for the screen reader. */
export const words = (valence, arousal) => t("mood.words", { valence: signed(valence), arousal: signed(arousal) });

/** A mood of the configuration in the language of the page; one of a person's own as it is called. */
export const moodName = (name) => named("moods", name) ?? name;

export const signed = (value) => `${value < -0.005 ? "−" : value > 0.005 ? "+" : ""}${Math.abs(value).toFixed(2)}`;
