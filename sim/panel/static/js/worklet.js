// Plays what arrives, in the browser's audio thread: a ring with a little in hand (the jitter buffer).

const SECONDS = 1; // of the ring
const FADE = 64; // frames: no click where data ends, begins again or is left out
const REPORT_FRAMES = 4800;

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.ceil(sampleRate * SECONDS);
    this.ring = [new Float32Array(this.size), new Float32Array(this.size)];
    this.read = 0;
    this.filled = 0;
    this.target = 0.06 * sampleRate;
    this.gain = 0;
    this.playing = false;
    this.dropouts = 0;
    this.skips = 0;
    this.least = Infinity; // in hand since the last report
    this.over = Infinity; // least in hand above the target, for drift
    this.since = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(data) {
    if (data.target) this.target = data.target * sampleRate;
    if (data.reset) this.filled = 0;
    if (data.samples) this.write(new Int16Array(data.samples));
  }

  write(samples) {
    const frames = samples.length / 2;
    if (this.filled + frames > this.size) this.skip(this.filled + frames - this.size);
    let at = (this.read + this.filled) % this.size;
    for (let frame = 0; frame < frames; frame++) {
      this.ring[0][at] = samples[2 * frame] / 32768;
      this.ring[1][at] = samples[2 * frame + 1] / 32768;
      at = at + 1 === this.size ? 0 : at + 1;
    }
    this.filled += frames;
  }

  skip(frames) {
    this.read = (this.read + frames) % this.size;
    this.filled -= frames;
    this.skips++;
    this.gain = 0;
  }

  process(_, [[left, right = left]]) {
    const wanted = left.length;
    if (!this.playing && this.filled >= this.target) this.playing = true;
    if (this.playing && this.filled < wanted) {
      this.playing = false;
      this.dropouts++;
    }
    if (this.playing || this.gain > 0) this.render(left, right, wanted);
    this.account(wanted);
    return true;
  }

  /** Fades in after a gap, and out over what is left before one. */
  render(left, right, wanted) {
    for (let frame = 0; frame < wanted; frame++) {
      const some = this.filled > 0;
      const goal = this.playing && some ? 1 : 0;
      this.gain += Math.max(-1 / FADE, Math.min(1 / FADE, goal - this.gain));
      if (!some) {
        this.gain = 0;
        return;
      }
      left[frame] = this.ring[0][this.read] * this.gain;
      right[frame] = this.ring[1][this.read] * this.gain;
      this.read = this.read + 1 === this.size ? 0 : this.read + 1;
      this.filled--;
    }
  }

  account(wanted) {
    if (this.playing) this.least = Math.min(this.least, this.filled);
    this.since += wanted;
    if (this.since < REPORT_FRAMES) return;
    this.since = 0;
    this.drift();
    this.port.postMessage({ filled: this.filled / sampleRate, dropouts: this.dropouts, skips: this.skips, playing: this.playing, target: this.target / sampleRate });
    this.least = Infinity;
  }

  /** Two clocks never agree: where even the least in hand is well above the target, the rest is left out. */
  drift() {
    const surplus = this.least === Infinity ? 0 : this.least - 1.5 * this.target;
    if (surplus > 0) this.skip(Math.floor(this.least - this.target));
  }
}

registerProcessor("benchpad-player", Player);
