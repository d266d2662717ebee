// Other devices: a QR code that lets one in, and the list of those that are in.

import { answered } from "./answer.js";
import { button, by, make } from "./dom.js";
import { t } from "./texts.js";

const day = (iso) => {
  const moment = new Date(iso);
  return Number.isNaN(moment.valueOf()) ? iso : moment.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
};

export class OtherDevices {
  /** say(sentence): tell the person. */
  constructor(say) {
    this._say = say;
    this._pair = button(t("devices.pair"), { onclick: () => this._show() });
    this._look = button(t("devices.look"), { onclick: () => this._list(true) });
    this._codes = make("div", { class: "codes", role: "status" });
    this._devices = make("div", {});
    by("devices").replaceChildren(make("div", { class: "row" }, this._pair, this._look), this._codes, this._devices);
  }

  /** One code for each address, all of them for the same way in. */
  async _show() {
    const told = await answered("api/pair", { method: "POST" }, this._say, this._pair);
    if (!told) return;
    const several = told.links.length > 1 && t("devices.several");
    this._codes.replaceChildren(
      make("p", { class: "hint" }, [t("devices.point"), several, t("devices.good_once", { minutes: told.minutes })].filter(Boolean).join(" ")),
      make("ul", { class: "code-list" }, ...told.links.map((link) => this._code(link))));
  }

  _code({ address, network, link, picture }) {
    return make("li", {}, make("img", { class: "code", src: picture, alt: t("devices.code", { address }), width: 196, height: 196 }),
      make("span", {}, make("b", {}, address), network && ` ${network}`), make("code", { class: "code-link" }, link));
  }

  async _list(focus = false) {
    const told = await answered("api/devices", undefined, this._say, this._look);
    if (!told) return;
    if (told.fault) this._say(told.fault);
    this._devices.replaceChildren(told.devices.length
      ? make("ul", { class: "rows", "aria-label": t("devices.list") }, ...told.devices.map((device) => this._row(device)))
      : make("p", { class: "empty", tabindex: "-1" }, t("devices.none")));
    if (focus) this._devices.querySelector("button, [tabindex]")?.focus();
  }

  _row({ id, name, paired, seen, connected, role }) {
    const offered = ["curator", "visitor", ...(role ? [] : [""])];
    const may = make("select", { "aria-label": t("devices.role_long", { name, day: day(paired) }) }, ...offered.map((one) => make("option", { value: one }, t(`devices.${one || "by_address"}`))));
    may.value = role;
    may.addEventListener("change", () => this._give(id, may));
    const out = button(t("devices.remove"), { "aria-label": t("devices.remove_long", { name, day: day(paired) }), onclick: () => this._revoke(id, out) });
    return make("li", {}, make("span", {}, make("b", {}, name), ` · ${t("devices.since", { day: day(paired) })} · ${connected ? t("devices.here") : t("devices.seen", { day: day(seen) })}`), make("span", { class: "field" }, may), out);
  }

  async _give(id, may) {
    await answered(`api/devices/${encodeURIComponent(id)}/role`, { method: "PUT", body: may.value }, this._say, may);
    await this._list();
  }

  async _revoke(id, out) {
    if (await answered(`api/devices/${encodeURIComponent(id)}`, { method: "DELETE" }, this._say, out)) await this._list(true);
  }
}
