// The card as booted, and what was refused.

import { el, fill, sentence, setText } from "./dom.js";

export class CardInfo {
  constructor(box, { store }) {
    this._store = store;
    this._list = el("dl", { class: "facts" });
    this._refused = el("div", {});
    this._state = el("p", { class: "soft" });
    fill(box, "Card", this._list, this._state, this._refused);
  }

  async load() {
    let card;
    try {
      const answer = await fetch("api/card");
      card = await answer.json();
      if (!answer.ok) throw new Error(card.error);
    } catch (error) {
      return setText(this._state, error.message || "The card could not be read.");
    }
    return this._show(card);
  }

  _show({ name, device, layout, info = {}, writable, refused = [], notes = [] }) {
    const facts = {
      Image: name, Device: this._store.hello?.title ?? device, Layout: layout, Volume: [info.fs, info.label].filter(Boolean).join(" "),
      Files: info.files, Free: info.size_bytes ? `${size(info.free_bytes)} of ${size(info.size_bytes)}` : null,
    };
    this._list.replaceChildren(...Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && value !== "")
      .flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, String(value))]));
    setText(this._state, writable ? "Opened writable: samples can be put on pads." : "Opened for reading only, so pads cannot be changed here. Start with --writable to change them.");
    this._refused.replaceChildren(...section("Refused", refused, (one) => [el("b", {}, one.path), ` ${sentence(one.reason)}`, one.fix ? el("em", {}, ` ${sentence(one.fix)}`) : null]),
      ...section("Remarks of the boot", notes, (note) => [note]));
  }
}

function section(title, entries, read) {
  if (!entries.length) return [];
  return [el("details", {}, el("summary", {}, `${title}: ${entries.length}`), el("ul", {}, ...entries.slice(0, 100).map((entry) => el("li", {}, ...read(entry).filter(Boolean)))))];
}

export function size(bytes = 0) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1000)} kB`;
}
