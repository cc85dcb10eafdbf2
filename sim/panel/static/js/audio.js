// Hearing the device in this browser: pieces from the WebSocket go to the audio worklet. A browser
// gives sound only after a gesture, so it begins with a button.

import { el, fill, setAttribute, setText } from "./dom.js";

const HEADER_BYTES = 16;
const FIRST_TARGET_S = 0.06;
const MOST_TARGET_S = 0.25;

export class Listening {
  constructor(box, { store, send, say }) {
    Object.assign(this, { _store: store, _send: send, _say: say, _on: false, _lost: 0, _sequence: null });
    this._button = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.toggle() }, "Hear it here");
    this._figures = el("p", { class: "soft" });
    this._target = FIRST_TARGET_S;
    this._seen = 0; // drop-outs that the target was raised for
    this.report = null; // what the worklet last said, for tests and for the figures
    fill(box, "Sound in this browser", el("div", { class: "row" }, this._button), this._figures);
    this._asked = false; // whether the user said whether to hear it
    store.watch(["hello", "audio"], () => this._show());
    for (const gesture of ["keydown", "pointerup"]) addEventListener(gesture, (event) => this._first(event), true);
  }

  /** Where the program has no sound of its own, the first gesture anywhere is enough. */
  _first(event) {
    const wanted = this._store.hello?.audio?.backend === "browser" && this._store.local.online;
    if (!wanted || this._asked || event.target === this._button || event.key === "Escape") return;
    this.toggle();
  }

  async toggle() {
    this._asked = true;
    if (this._on) return this._stop();
    if (this._starting) return undefined;
    this._starting = true;
    try {
      await this._start();
    } catch (error) {
      this._say(`This browser gives no sound: ${error.message}`);
    }
    this._starting = false;
    return undefined;
  }

  /** A new connection, or a rebuilt device: ask again for what was being heard. */
  resume() {
    if (!this._on) return;
    if (this._context.sampleRate !== this._store.hello.rate) {
      this._stop();
      this.toggle();
      return;
    }
    this._sequence = null;
    this._player.port.postMessage({ reset: true });
    this._send({ t: "audio", on: true });
  }

  /** One binary message: sequence number, frames, engine frame, then 16-bit stereo. */
  take(buffer) {
    if (!this._on || buffer.byteLength < HEADER_BYTES) return;
    const view = new DataView(buffer);
    const sequence = view.getUint32(0, true);
    if (this._sequence !== null && sequence > this._sequence + 1) this._lost += sequence - this._sequence - 1;
    this._sequence = sequence;
    const samples = buffer.slice(HEADER_BYTES, HEADER_BYTES + view.getUint32(4, true) * 4);
    this._player.port.postMessage({ samples }, [samples]);
  }

  async _start() {
    const context = new AudioContext({ sampleRate: this._store.hello.rate, latencyHint: "interactive" });
    await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    await context.resume();
    this._context = context;
    this._player = new AudioWorkletNode(context, "benchpad-player", { numberOfInputs: 0, outputChannelCount: [2] });
    this._player.port.onmessage = ({ data }) => this._hear(data);
    this._player.connect(context.destination);
    Object.assign(this, { _on: true, _sequence: null, _lost: 0, _seen: 0, _target: FIRST_TARGET_S });
    this._send({ t: "audio", on: true });
    this._show();
  }

  _stop() {
    this._on = false;
    this._send({ t: "audio", on: false });
    this._context.close();
    this.report = null;
    this._show();
  }

  /** A line that drops out gets more in hand; it says so by its latency. */
  _hear(report) {
    this.report = report;
    if (report.dropouts > this._seen && this._target < MOST_TARGET_S) {
      this._target = Math.min(MOST_TARGET_S, this._target + 0.02);
      this._player.port.postMessage({ target: this._target });
    }
    this._seen = report.dropouts;
    this._show();
  }

  _show() {
    setAttribute(this._button, "aria-pressed", String(this._on));
    setText(this._button, this._on ? "Stop" : "Hear it here");
    setText(this._figures, this._on ? this._text() : this._advice());
  }

  _advice() {
    const { backend, device } = this._store.hello?.audio ?? {};
    if (backend === "browser") return "The program has no sound output of its own: it is heard here from the first pad or key on.";
    return backend ? `The program plays through ${[backend, device].filter(Boolean).join(", ")}.` : "";
  }

  _text() {
    if (!this.report) return "Waiting for the first sound.";
    const { baseLatency = 0, outputLatency = 0 } = this._context;
    const total = (this.report.filled + baseLatency + outputLatency) * 1000;
    const { dropouts, skips, target } = this.report;
    return `${Math.round(total)} ms behind the engine (buffer ${Math.round(this.report.filled * 1000)} of ${Math.round(target * 1000)} ms); `
      + `${dropouts} drop-outs, ${skips} skips, ${this._lost} pieces lost`;
  }
}
