// Level meters: quick up, slowly down, and the peak held for a while. They draw only while something moves.

import { el, setAttribute, setBar } from "./dom.js";

const FLOOR_DB = -60;
const FALL_DB_PER_S = 26;
const HOLD_MS = 1200;

const decibels = (level) => (level > 0 ? Math.max(FLOOR_DB, 20 * Math.log10(level)) : FLOOR_DB);
const part = (db) => 1 - db / FLOOR_DB;

export class Meters {
  constructor(box, { store }) {
    this._store = store;
    this._sides = ["left", "right"].map((side) => this._side(side));
    this._clip = el("button", { type: "button", class: "clip", title: "The output was over full scale; press to clear" }, "CLIP");
    this._clip.hidden = true;
    this._clip.addEventListener("click", () => { this._clip.hidden = true; });
    box.append(...this._sides.map((side) => side.node), this._clip);
    this._last = 0;
    this._told = 0;
    store.watch(["levels"], () => this._start());
  }

  _side(side) {
    const bar = el("span", { class: "bar" });
    const hold = el("span", { class: "peak" });
    const node = el("div", {
      class: "meter", role: "meter", "aria-label": `Level ${side}`, "aria-valuemin": String(FLOOR_DB), "aria-valuemax": "0",
      "aria-valuenow": String(FLOOR_DB), "aria-valuetext": "silent",
    }, bar, hold, el("span", { class: "side", "aria-hidden": "true" }, side[0].toUpperCase()));
    return { side, node, bar, hold, now: FLOOR_DB, peak: FLOOR_DB, since: 0 };
  }

  _start() {
    if (this._last) return;
    this._last = performance.now();
    requestAnimationFrame((now) => this._draw(now));
  }

  _draw(now) {
    const passed = Math.max(0, now - this._last) / 1000;
    this._last = now;
    for (const meter of this._sides) this._move(meter, now, passed);
    if (now - this._told > 1000) this._tell(now);
    const moving = this._sides.some((meter) => meter.now > FLOOR_DB || meter.peak > FLOOR_DB);
    if (moving) requestAnimationFrame((later) => this._draw(later));
    else {
      this._last = 0;
      this._tell(now);
    }
  }

  _move(meter, now, passed) {
    // A level that does not change is not sent again: it holds until the next one.
    const level = Math.max(this._store.peaks[meter.side], this._store.state.levels?.[meter.side === "left" ? 0 : 1] ?? 0);
    this._store.peaks[meter.side] = 0;
    if (level > 1) this._clip.hidden = false;
    meter.now = Math.max(decibels(level), meter.now - FALL_DB_PER_S * passed, FLOOR_DB);
    if (meter.now >= meter.peak) {
      meter.peak = meter.now;
      meter.since = now;
    } else if (now - meter.since > HOLD_MS) meter.peak = Math.max(meter.now, meter.peak - FALL_DB_PER_S * passed, FLOOR_DB);
    setBar(meter.bar, 1 - part(meter.now)); // the bar covers what is not reached
    meter.hold.style.setProperty("transform", `translateX(${(part(meter.peak) * 100).toFixed(1)}%)`);
  }

  /** Once a second for those who listen to the page. */
  _tell(now) {
    this._told = now;
    for (const meter of this._sides) {
      setAttribute(meter.node, "aria-valuenow", Math.round(meter.now));
      setAttribute(meter.node, "aria-valuetext", meter.now > FLOOR_DB ? `${Math.round(meter.now)} decibels` : "silent");
    }
  }
}
