// What the daemon's page server answers to a request of the page.

import { t } from "./texts.js";

/** The answer, or null where it was refused or the connection is lost; then say(sentence) was called.
 * asking: the control that was pressed; it is busy meanwhile. */
export async function answered(address, request, say, asking = null) {
  if (asking) asking.disabled = true;
  asking?.setAttribute("aria-busy", true);
  try {
    const answer = await fetch(address, request), told = await answer.json();
    if (answer.ok) return told;
    say(told.error);
  } catch {
    say(t("link.lost_notice"));
  } finally {
    if (asking) asking.disabled = false;
    asking?.removeAttribute("aria-busy");
  }
  return null;
}
