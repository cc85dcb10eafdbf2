// Knobs: turned by dragging up and down, the wheel, or the keyboard.

import { el, setAttribute, setStyle, setText, svg } from "./dom.js";

const TRAVEL_PX = 160; // from one end to the other
const STEPS = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1 };
const SWEEP = 270; // degrees

export class Knobs {
  constructor(box, { store, send, onpick }) {
    Object.assign(this, { _box: box, _store: store, _send: send, _onpick: onpick, _knobs: new Map() });
    store.watch(["hello"], () => this._build());
    store.watch(["hello", "knobs"], () => this._show());
  }

  _build() {
    const names = this._store.hello.knobs.map((knob) => knob.name).join();
    if (names === this._names) return;
    this._names = names;
    this._knobs = new Map(this._store.hello.knobs.map((knob) => [knob.name, this._knob(knob)]));
    this._box.replaceChildren(...[...this._knobs.values()].map((knob) => knob.node));
  }

  _knob({ name, label, value }) {
    const hand = svg("path", { class: "hand", d: "M24 24V7" });
    const face = svg("svg", { viewBox: "0 0 48 48", "aria-hidden": "true" },
      svg("path", { class: "scale", d: "M10.6 37.4A19 19 0 1 1 37.4 37.4" }), svg("circle", { cx: "24", cy: "24", r: "15" }), hand);
    const number = el("output", { "aria-hidden": "true" });
    const dial = el("div", { class: "dial", role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, face);
    const knob = { name, first: value, value, dial, hand, number, held: false };
    knob.node = el("div", { class: "knob" }, dial, el("span", { class: "label", "aria-hidden": "true" }, label), number);
    this._listen(knob);
    return knob;
  }

  _listen(knob) {
    const { dial } = knob;
    dial.addEventListener("pointerdown", (event) => {
      if (this._onpick(knob.name)) return;
      dial.setPointerCapture(event.pointerId);
      knob.held = { y: event.clientY, value: knob.value };
    });
    dial.addEventListener("pointermove", (event) => {
      if (knob.held) this._turn(knob, knob.held.value + (knob.held.y - event.clientY) / TRAVEL_PX);
    });
    dial.addEventListener("lostpointercapture", () => { knob.held = false; });
    dial.addEventListener("dblclick", () => this._turn(knob, knob.first));
    dial.addEventListener("wheel", (event) => {
      event.preventDefault();
      this._turn(knob, knob.value - Math.sign(event.deltaY) * 0.02);
    }, { passive: false });
    dial.addEventListener("keydown", (event) => this._key(knob, event));
  }

  _key(knob, event) {
    const value = { Home: 0, End: 1 }[event.key] ?? (event.key in STEPS ? knob.value + STEPS[event.key] : null);
    if (event.key === "Enter") this._onpick(knob.name);
    if (value === null) return;
    event.preventDefault();
    this._turn(knob, value);
  }

  _turn(knob, value) {
    knob.value = Math.max(0, Math.min(1, value));
    this._draw(knob);
    this._send({ t: "knob", name: knob.name, value: Math.round(knob.value * 1000) / 1000 });
  }

  /** What the device says, unless a hand is on the knob. */
  _show() {
    for (const { name, value } of this._store.hello.knobs) {
      const knob = this._knobs.get(name);
      if (knob.held) continue;
      knob.value = this._store.state.knobs?.[name] ?? value;
      this._draw(knob);
    }
  }

  _draw(knob) {
    const percent = Math.round(knob.value * 100);
    setAttribute(knob.dial, "aria-valuenow", percent);
    setText(knob.number, percent);
    setStyle(knob.hand, "transform", `rotate(${(knob.value - 0.5) * SWEEP}deg)`);
  }
}
