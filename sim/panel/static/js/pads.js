// The pads: name, waveform and light of each.

import { el, setAttribute, setBar, setText, svg, symbol } from "./dom.js";
import { outline } from "./peaks.js";
import { playable } from "./touch.js";

// What a light means, as people are told.
export const LIGHTS = {
  playing: "playing from memory",
  streaming: "playing, streaming from the card",
  resident: "ready, its beginning is in memory",
  silent: "not in memory, it starts when the card delivers",
  refused: "refused by the device",
  empty: "empty",
};
const COLUMNS = 4;

export class Pads {
  constructor(box, { store, hands, peaks, labels, onassign }) {
    Object.assign(this, { _box: box, _store: store, _hands: hands, _peaks: peaks, _labels: labels });
    this._onassign = onassign;
    this._pads = [];
    store.watch(["hello"], () => this._build());
    store.watch(["hello", "slots", "bank"], () => this._name());
    store.watch(["hello", "slots", "bank", "pads"], () => this._light());
    store.watch(["hello", "bank", "chosen"], () => this._choose());
    store.watch(["bank", "voices"], () => this._move());
    hands.onchange = () => this._press();
    box.addEventListener("keydown", (event) => this._walk(event));
    box.addEventListener("focus", () => this._pads[store.local.chosen - 1]?.node.focus());
  }

  _build() {
    const count = this._store.hello.per_bank;
    if (this._pads.length === count) return;
    this._pads = Array.from({ length: count }, (_, index) => this._pad(index + 1));
    this._box.replaceChildren(...this._pads.map((pad) => pad.node));
  }

  _pad(number) {
    const key = el("kbd", { "aria-hidden": "true" }, this._labels[number - 1] ?? "");
    const name = el("span", { class: "name" });
    const path = svg("path");
    const wave = svg("svg", { class: "wave", viewBox: "0 0 95 256", preserveAspectRatio: "none", "aria-hidden": "true" }, path);
    const head = el("span", { class: "head", "aria-hidden": "true" });
    const use = symbol("light-empty");
    const top = el("span", { class: "line" }, el("b", {}, String(number)), key, use);
    const node = el("button", { type: "button", class: "pad", "data-light": "empty" }, top, wave, head, name);
    this._listen(node, number);
    return { node, name, path, head, use, number, light: "", wanted: null };
  }

  _listen(node, number) {
    playable(node, (holder, velocity) => this._hands.press(holder, number, velocity), (holder) => this._hands.release(holder));
    node.addEventListener("focus", () => this._store.set("chosen", number));
    node.addEventListener("pointerdown", (event) => event.shiftKey && this._store.set("chosen", number));
    node.addEventListener("keydown", (event) => {
      if (event.repeat || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      this._hands.press("focused", number, 100);
    });
    node.addEventListener("keyup", (event) => (event.key === "Enter" || event.key === " ") && this._hands.release("focused"));
    node.addEventListener("blur", () => this._hands.release("focused"));
    node.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("application/x-benchpad")) return;
      event.preventDefault();
      node.classList.add("target");
    });
    node.addEventListener("dragleave", () => node.classList.remove("target"));
    node.addEventListener("drop", (event) => {
      event.preventDefault();
      node.classList.remove("target");
      this._onassign(event.dataTransfer.getData("application/x-benchpad"), number);
    });
  }

  /** Arrow keys go from pad to pad: the pads are one stop for the tabulator. */
  _walk(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
    const from = this._pads.findIndex((pad) => pad.node === document.activeElement);
    const to = this._pads[from + steps[event.key]];
    if (from < 0 || !(event.key in steps)) return;
    event.preventDefault();
    to?.node.focus();
  }

  _name() {
    for (const pad of this._pads) {
      const slot = this._store.slots.get(this._store.tag(pad.number));
      setText(pad.name, slot ? slot.sample || slot.path.split("/").pop() : "");
      setAttribute(pad.node, "title", slot?.reason || slot?.path || null);
      setAttribute(pad.node, "data-muted", slot?.modes?.mute === true);
      setAttribute(pad.node, "data-pinned", slot?.modes?.pin === true);
      this._wave(pad, slot);
    }
  }

  async _wave(pad, slot) {
    const key = this._peaks.key(slot);
    if (pad.wanted === key) return;
    pad.wanted = key;
    setAttribute(pad.path, "d", null);
    const answer = key && (await this._peaks.get(slot));
    if (answer?.peaks?.length && pad.wanted === key) {
      setAttribute(pad.path.parentNode, "viewBox", `0 0 ${answer.peaks.length - 1} 256`);
      setAttribute(pad.path, "d", outline(answer.peaks));
    }
  }

  _light() {
    for (const pad of this._pads) {
      const tag = this._store.tag(pad.number);
      const slot = this._store.slots.get(tag);
      const light = this._store.state.pads?.[tag] ?? (slot ? (slot.verdict === "refused" ? "refused" : "silent") : "empty");
      const label = `Pad ${this._store.name(tag)}${slot ? `, ${slot.sample || slot.path}` : ""}, ${LIGHTS[light]}`;
      setAttribute(pad.node, "aria-label", label);
      if (pad.light === light) continue;
      pad.light = light;
      setAttribute(pad.node, "data-light", light);
      setAttribute(pad.use.firstChild, "href", `#light-${light}`);
    }
  }

  _choose() {
    for (const pad of this._pads) {
      const chosen = pad.number === this._store.local.chosen;
      setAttribute(pad.node, "data-chosen", chosen);
      setAttribute(pad.node, "tabindex", chosen ? "0" : "-1");
    }
  }

  /** Where the newest voice of each pad is. */
  _move() {
    const at = new Map((this._store.state.voices ?? []).map(([tag, , , position]) => [tag, position]));
    for (const pad of this._pads) setBar(pad.head, at.get(this._store.tag(pad.number)) ?? 0);
  }

  _press() {
    for (const pad of this._pads) pad.node.classList.toggle("down", this._hands.pressed.has(this._store.tag(pad.number)));
  }
}
