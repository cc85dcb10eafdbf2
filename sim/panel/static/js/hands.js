// Who holds which pad: a finger, a key, the mouse. A pad held twice is let go when the last one lets go.

export class Hands {
  constructor(connection, store) {
    this._connection = connection;
    this._store = store;
    this._held = new Map(); // holder -> {bank, pad}
    this.pressed = new Set(); // tags that this page holds
    this.onchange = () => {};
    this.intercept = null; // (pad) => true: somebody else wants the press, such as "learn"
    addEventListener("blur", () => this.releaseAll());
    document.addEventListener("visibilitychange", () => document.hidden && this.releaseAll());
  }

  /** A pad (from 1) of the current bank; velocity 1 to 127. */
  press(holder, pad, velocity) {
    this.release(holder);
    this._store.set("chosen", pad);
    if (this.intercept?.(pad)) return;
    const bank = this._store.bank;
    const vel = Math.max(1, Math.min(127, Math.round(velocity)));
    if (!this._connection.send({ t: "press", bank, pad, vel })) return;
    this._held.set(holder, { bank, pad, tag: this._store.tag(pad) });
    this._changed();
  }

  release(holder) {
    const held = this._held.get(holder);
    if (!held) return;
    this._held.delete(holder);
    const others = [...this._held.values()].some((other) => other.tag === held.tag);
    if (!others) this._connection.send({ t: "release", bank: held.bank, pad: held.pad });
    this._changed();
  }

  releaseAll() {
    for (const holder of [...this._held.keys()]) this.release(holder);
  }

  /** The connection ended: the server let everything go. */
  forget() {
    this._held.clear();
    this._changed();
  }

  _changed() {
    this.pressed = new Set([...this._held.values()].map((held) => held.tag));
    this.onchange();
  }
}
