// What the server last said, and who wants to know. Watchers run once per drawn frame, however many
// messages came, and only those that watch something that changed.

const ECHO_MS = 1000; // for so long a bank that was asked for counts as chosen, until the server says so

export class Store {
  constructor() {
    this.hello = null;
    this.slots = new Map(); // tag -> entry of hello.pads
    this.state = {};
    this.local = { chosen: 1, online: false }; // what only this page knows
    this.peaks = { left: 0, right: 0 }; // loudest since the last drawn frame
    this._expected = null;
    this._watchers = new Map();
    this._dirty = new Set();
    this._asked = false;
  }

  /** Calls `draw` when one of the keys changed: keys of `state`, "hello", "slots", or a local one. */
  watch(keys, draw) {
    for (const key of keys) {
      if (!this._watchers.has(key)) this._watchers.set(key, new Set());
      this._watchers.get(key).add(draw);
    }
  }

  takeHello(hello) {
    this.hello = hello;
    this.state = { bank: hello.bank };
    this._expected = null;
    this.slots = new Map(hello.pads.map((slot) => [slot.tag, slot]));
    for (const key of this._watchers.keys()) this._touch(key);
  }

  takeSlots(slots) {
    for (const slot of slots) {
      if (slot.path || slot.verdict === "refused") this.slots.set(slot.tag, slot);
      else this.slots.delete(slot.tag);
    }
    this._touch("slots");
  }

  /** Merges a state message: objects one level deep, a null removes a key; everything else replaces. */
  takeState(message) {
    for (const [key, value] of Object.entries(message)) {
      if (key === "t") continue;
      this.state[key] = merged(this.state[key], value);
      this._touch(key);
    }
    if (message.bank === this._expected) this._expected = null;
    if (message.levels) this._hear(message.levels);
  }

  /** A bank that the server was asked for: who steps on, or plays, before it answers means that one. */
  expectBank(bank) {
    this._expected = bank;
    this._touch("bank");
    clearTimeout(this._echo);
    this._echo = setTimeout(() => {
      this._expected = null;
      this._touch("bank");
    }, ECHO_MS);
  }

  set(key, value) {
    if (this.local[key] === value) return;
    this.local[key] = value;
    this._touch(key);
  }

  /** The tag of a pad of the current bank. */
  tag(pad) {
    return this.bank * (this.hello?.per_bank ?? 16) + pad - 1;
  }

  get bank() {
    return this._expected ?? this.state.bank ?? 0;
  }

  /** The chosen pad's entry, or undefined for an empty one. */
  get chosen() {
    return this.slots.get(this.tag(this.local.chosen));
  }

  /** A pad's name as people say it, such as A1. */
  name(tag) {
    if (!this.hello || tag < 0) return "audition";
    const per = this.hello.per_bank;
    return `${this.hello.banks[Math.floor(tag / per)] ?? "?"}${(tag % per) + 1}`;
  }

  _hear([left, right]) {
    this.peaks.left = Math.max(this.peaks.left, left);
    this.peaks.right = Math.max(this.peaks.right, right);
  }

  _touch(key) {
    this._dirty.add(key);
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame(() => this._draw());
  }

  _draw() {
    this._asked = false;
    const draws = new Set();
    for (const key of this._dirty) for (const draw of this._watchers.get(key) ?? []) draws.add(draw);
    this._dirty.clear();
    for (const draw of draws) draw();
  }
}

function merged(old, value) {
  if (!isObject(old) || !isObject(value)) return value;
  const made = { ...old, ...value };
  for (const key of Object.keys(value)) if (value[key] === null) delete made[key];
  return made;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
