// Asking the person in the page's one dialog.

import { by } from "./dom.js";
import { t } from "./texts.js";

/** Ask in a dialog; resolves to true or the written text, or to null when it was closed.
 * yes: the word of the button. writing: whether a text is asked for; text: what stands in the field first. */
export function asked(question, yes, writing, text = "") {
  const dialog = by("ask"), field = by("ask-field");
  by("ask-text").textContent = question;
  by("ask-yes").textContent = yes;
  by("ask-yes").classList.toggle("danger", !writing);
  by("ask-no").textContent = t(writing ? "ask.cancel" : "ask.keep");
  field.hidden = !writing;
  field.value = text;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? (writing ? field.value.trim() : true) : null);
    dialog.returnValue = "";
    by("ask-no").onclick = () => dialog.close();
    by("ask-yes").onclick = () => dialog.close("yes");
  });
}
