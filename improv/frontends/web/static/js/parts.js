// Which hand or voice goes where: for each output what it plays, and the channel of the part that is split off.

import { make } from "./dom.js";
import { t } from "./texts.js";

const WAYS = [["all", "off"], ["all", "hands"], ["all", "melody"], ["right", "off"], ["left", "off"], ["melody", "off"], ["rest", "off"]]; // part, split

export class Parts {
  /** send(command, values) */
  constructor(send) {
    this._send = send;
    this._rows = [];
    this.element = make("div", { class: "field for-curators", role: "group", "aria-label": t("parts.title") });
  }

  show({ output_parts: outputs = [] }) {
    if (outputs.length !== this._rows.length) {
      this._rows = outputs.map((_, index) => this._row(index + 1, outputs.length > 1));
      this.element.replaceChildren(make("span", { "aria-hidden": "true" }, t("parts.title")), ...this._rows.map(({ row }) => row));
    }
    this.element.hidden = !outputs.length;
    outputs.forEach(([part, split, , second], index) => this._rows[index].show(`${part} ${split}`, second, split !== "off"));
  }

  _row(number, several) {
    const words = (part, split) => t(split === "off" && part !== "all" ? `parts.only_${part}` : `parts.${split}`);
    const way = make("select", { "aria-label": t("parts.plays", { number }) }, ...WAYS.map(([part, split]) => make("option", { value: `${part} ${split}` }, words(part, split))));
    const channel = make("input", { type: "number", id: `parts-channel-${number}`, min: 1, max: 16, step: 1, required: true });
    const second = make("div", { class: "field" }, make("label", { for: channel.id }, t("parts.channel", { number })), channel);
    const send = () => {
      const [part, split] = way.value.split(" ");
      if (split === "off" || channel.checkValidity()) this._send("parts", { part, split, number, ...(split === "off" ? {} : { channel: channel.valueAsNumber }) });
    };
    for (const input of [way, channel]) input.addEventListener("change", send);
    return { row: make("div", { class: "row" }, several ? make("span", { "aria-hidden": "true" }, `${number}`) : null, way, second), show: (value, chan, split) => show(way, channel, second, value, chan, split) };
  }
}

/** What somebody is about to change stays as it is. */
function show(way, channel, second, value, number, split) {
  if (document.activeElement !== way && way.value !== value) {
    if (![...way.options].some((option) => option.value === value)) way.append(make("option", { value }, value)); // a file's own
    way.value = value;
  }
  if (document.activeElement !== channel) channel.value = number;
  second.hidden = !split;
}
