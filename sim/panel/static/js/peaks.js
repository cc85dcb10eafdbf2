// Waveforms: asked for once for each file, a few at a time, and drawn as one SVG path.

const AT_ONCE = 2;

export class Peaks {
  constructor() {
    this._known = new Map(); // key -> promise of the answer
    this._epoch = 0;
    this._queue = [];
    this._running = 0;
  }

  /** What a pad's waveform goes by: another one whenever its bytes may be, also under the same path. */
  key(slot) {
    return slot && slot.verdict !== "refused" ? `${this._epoch} ${slot.edition} ${slot.path}` : null;
  }

  /** Promise of `/api/peaks` for a pad, or of null where there is none. */
  get(slot) {
    const key = this.key(slot);
    if (!this._known.has(key)) {
      this._known.set(key, new Promise((resolve) => this._queue.push({ key, path: slot.path, resolve })));
      this._next();
    }
    return this._known.get(key);
  }

  /** Another program may answer, of another card: what was known holds no more. */
  clear() {
    this._epoch++;
    this._known.clear();
    for (const { resolve } of this._queue.splice(0)) resolve(null);
  }

  async _next() {
    if (this._running >= AT_ONCE || !this._queue.length) return;
    this._running++;
    const { key, path, resolve } = this._queue.shift();
    try {
      const answer = await fetch(`api/peaks?points=96&path=${encodeURIComponent(path)}`);
      resolve(answer.ok ? await answer.json() : null);
    } catch {
      this._known.delete(key);
      resolve(null);
    }
    this._running--;
    this._next();
  }
}

/** The path of a waveform in a box `0 0 points 256`, from `[[low, high], ...]` with -127 to 127. */
export function outline(peaks) {
  const tops = peaks.map(([, high], x) => `${x} ${127 - high}`);
  const bottoms = peaks.map(([low], x) => `${x} ${129 - low}`).reverse();
  return `M${tops.join("L")}L${bottoms.join("L")}Z`;
}
