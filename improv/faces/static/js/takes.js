// The takes: what was played, to download, to read about, to delete for good.

import { button, by, make, picture } from "./dom.js";

export class Takes {
  /** complain(sentence): tell the person what went wrong. */
  constructor(complain) {
    this._complain = complain;
    this._list = by("takes");
  }

  async refresh() {
    try {
      const answer = await fetch("/api/takes");
      if (!answer.ok) throw new Error("This BrainMusic keeps no takes to show here.");
      const takes = await answer.json();
      this._show(takes.takes ?? takes);
    } catch (error) {
      this._list.replaceChildren(make("p", { class: "empty" }, error instanceof TypeError ? "The takes cannot be read while the connection is lost." : error.message));
    }
  }

  _show(takes) {
    if (!takes.length) return this._list.replaceChildren(make("p", { class: "empty" }, "No takes yet. Everything that is played is kept here, on this computer only."));
    const newest = [...takes].sort((one, other) => String(other.start).localeCompare(String(one.start)));
    this._list.replaceChildren(make("ul", { class: "takes" }, ...newest.map((take) => this._take(take))));
  }

  _take(take) {
    const address = `/api/takes/${encodeURIComponent(take.id)}`, began = new Date(take.start);
    const name = Number.isNaN(began.valueOf()) ? String(take.id) : began.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    const link = (text, href, iconName, values = {}) => make("a", { class: "button", href, "aria-label": `${text}, take of ${name}`, ...values }, picture(iconName), text);
    return make("li", { class: "take" },
      make("div", { class: "take-text" }, make("b", {}, name), make("span", {}, `${Number(take.minutes).toFixed(1)} minutes, ${take.notes} notes`)),
      make("div", { class: "take-buttons" },
        link("MIDI", `${address}.mid`, "download", { download: true }),
        link("Report", `${address}/report`, "report", { target: "_blank", rel: "noopener" }),
        button("", { class: "button icon", "aria-label": `Delete the take of ${name}`, onclick: () => this._ask(address, name) }, "delete")));
  }

  _ask(address, name) {
    const dialog = by("ask");
    by("ask-text").textContent = `Delete the take of ${name}? It is gone for good.`;
    by("ask-no").onclick = () => dialog.close();
    by("ask-yes").onclick = () => {
      dialog.close();
      this._delete(address);
    };
    dialog.showModal();
  }

  async _delete(address) {
    try {
      const answer = await fetch(address, { method: "DELETE" });
      if (!answer.ok) this._complain((await answer.json().catch(() => ({}))).error ?? "The take could not be deleted.");
    } catch {
      this._complain("The take could not be deleted: the connection is lost.");
    }
    await this.refresh();
    by("tab-takes").focus();
  }
}
