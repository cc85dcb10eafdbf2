// MIDI: the program's own ports, ports that the browser sees, and learning.

import { el, fill, setAttribute, setText } from "./dom.js";

export class Midi {
  constructor(box, { store, send, ask, say }) {
    Object.assign(this, { _store: store, _send: send, _ask: ask, _say: say, _inputs: [] });
    this._ports = el("p", {});
    this._web = el("button", { type: "button", onclick: () => this._open() }, "Use this browser's MIDI");
    this._learn = el("button", { type: "button", "aria-pressed": "false", onclick: () => this._toggle() }, "Learn");
    this._hint = el("p", { class: "soft", role: "status" });
    this._learnt = el("ul", { class: "learnt" });
    this._functions = el("div", { class: "row" });
    fill(box, "MIDI", this._ports, el("div", { class: "row" }, this._web, this._learn), this._hint, this._functions, this._learnt);
    this.learning = false;
    store.watch(["hello", "midi"], () => this._showPorts());
    store.watch(["hello", "learn"], () => this._showLearn());
    store.watch(["hello", "learnt"], () => this._showLearnt());
    store.watch(["hello"], () => this._showFunctions());
  }

  /** Takes a pad, knob or function as what is to be learnt, if that is being waited for. */
  pick(target) {
    if (!this.learning) return false;
    this.learning = false;
    this._ask({ t: "learn", on: true, target });
    this._showLearn();
    return true;
  }

  _toggle() {
    if (this._store.state.learn) this._ask({ t: "learn", on: false });
    else this.learning = !this.learning;
    this._showLearn();
  }

  _showLearn() {
    const target = this._store.state.learn;
    const active = this.learning || Boolean(target);
    setAttribute(this._learn, "aria-pressed", String(active));
    setText(this._learn, active ? "Stop learning" : "Learn");
    const hint = target ? `Play a note or move a controller for ${this._name(target)}.` : this.learning ? "Choose a pad, a knob or a function." : "";
    setText(this._hint, hint);
    this._store.set("learning", hint);
    document.body.classList.toggle("learning", this.learning);
    setAttribute(this._functions, "hidden", !this.learning);
  }

  _name(target) {
    if (target.kind === "pad") return `pad ${this._store.hello.banks[target.bank]}${target.pad}`;
    return `${target.kind} ${target.name}`;
  }

  _showFunctions() {
    this._functions.replaceChildren(...(this._store.hello.functions ?? []).map((name) =>
      el("button", { type: "button", onclick: () => this.pick({ kind: "function", name }) }, name)));
  }

  _showLearnt() {
    this._learnt.replaceChildren(...Object.entries(this._store.state.learnt ?? {}).map(([name, bound]) =>
      el("li", {}, `${name}: ${bound} `, el("button", {
        type: "button", "aria-label": `Forget ${name}`, onclick: () => this._ask({ t: "forget", target: this._target(name) }),
      }, "Forget"))));
  }

  _target(name) {
    const [kind, ...rest] = name.split(" ");
    if (kind !== "pad") return { kind, name: rest.join(" ") };
    return { kind, bank: this._store.hello.banks.indexOf(rest[0][0]), pad: Number(rest[0].slice(1)) };
  }

  _showPorts() {
    const { ports = [], messages = 0 } = this._store.state.midi ?? {};
    setText(this._ports, `${ports.length ? ports.join(", ") : "The program has no MIDI port open"}; ${messages} messages`);
  }

  async _open() {
    if (!navigator.requestMIDIAccess) return this._say("This browser has no Web MIDI; the program's own ports work without it.");
    try {
      const access = await navigator.requestMIDIAccess();
      const connect = () => this._connect(access);
      access.addEventListener("statechange", connect);
      connect();
    } catch {
      this._say("The browser did not allow MIDI.");
    }
    return undefined;
  }

  _connect(access) {
    this._inputs = [...access.inputs.values()];
    for (const input of this._inputs) input.onmidimessage = (event) => this._take(event.data);
    setText(this._web, this._inputs.length ? `Browser MIDI: ${this._inputs.map((input) => input.name).join(", ")}` : "Browser MIDI: no input found");
  }

  /** Channel messages and clock; system exclusive and active sensing say nothing to the device. */
  _take(data) {
    if (data.length > 3 || data[0] < 0x80 || data[0] === 0xf0 || data[0] === 0xf7 || data[0] === 0xfe) return;
    this._send({ t: "midi", data: [...data] });
  }
}
