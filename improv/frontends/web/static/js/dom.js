// Few words for making elements; everything is set by properties, because the page forbids inline styles and scripts.

export const by = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** make("button", {class: "button", type: "button", onclick}, child, "text") */
export function make(tag, values = {}, ...children) {
  return fill(document.createElement(tag), values, children);
}

export function makeSvg(tag, values = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), values, children);
}

function fill(element, values, children) {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const picture = (name) => makeSvg("svg", { "aria-hidden": "true" }, makeSvg("use", { href: `static/icons.svg#${name}` }));

export function button(text, values = {}, iconName = null) {
  return make("button", { class: "button", type: "button", ...values }, iconName && picture(iconName), text && make("span", {}, text));
}

/** Write a text only when it changed: screen readers and layout stay at rest. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** At most one call in so many milliseconds, the last one always. */
export function throttled(call, every_ms) {
  let timer = null, last = -Infinity, latest = null;
  const fire = () => {
    timer = null;
    last = performance.now();
    call(...latest);
  };
  return (...values) => {
    latest = values;
    if (timer === null) timer = setTimeout(fire, Math.max(0, last + every_ms - performance.now()));
  };
}

export const calmMotion = matchMedia("(prefers-reduced-motion: reduce)");
