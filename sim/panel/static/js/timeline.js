// The last minute on one canvas: how busy the card was, how many voices played, and what went wrong when.

import { announce, counted, el, fill, setText } from "./dom.js";

const SECONDS = 60;
const STEP_MS = 250; // one column
const COLUMNS = (SECONDS * 1000) / STEP_MS;
const MARKS = { underrun: "--bad", xrun: "--bad", alert: "--warn", fault: "--warn", card: "--accent", learn: "--soft", note: "--soft" };

export class Timeline {
  constructor(box, { store }) {
    this._store = store;
    this._canvas = el("canvas", { class: "lane", role: "img", "aria-label": "The last minute" });
    this._said = el("p", { class: "soft" });
    fill(box, "Last minute", this._canvas, this._said, el("p", { class: "legend" },
      mark("busy", "card busy"), mark("voices", "voices"), mark("bad", "underrun, xrun"), mark("warn", "fault, alert")));
    this._columns = []; // {busy, voices, marks: [kind]}
    this._count = { underrun: 0, xrun: 0, fault: 0 };
    this._most = 0;
    this._colours = {};
    new ResizeObserver(() => this._size()).observe(this._canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    this.recolour();
    this._open();
    setInterval(() => this._step(), STEP_MS);
    store.watch(["voices", "card"], () => this._note());
  }

  /** An event of the server, now. */
  take(event) {
    this._column.marks.push(event.kind);
    if (event.kind in this._count) this._count[event.kind]++;
    if (event.kind === "underrun") this._underrun();
  }

  recolour() {
    requestAnimationFrame(() => {
      const probe = el("span");
      this._canvas.after(probe);
      for (const name of ["--accent", "--busy", "--bad", "--warn", "--soft", "--line"]) {
        probe.style.color = `var(${name})`;
        this._colours[name] = getComputedStyle(probe).color;
      }
      probe.remove();
      this._draw();
    });
  }

  _open() {
    this._column = { busy: 0, voices: 0, marks: [] };
    this._columns.push(this._column);
    if (this._columns.length > COLUMNS) this._columns.shift();
    this._note();
  }

  _note() {
    const { card, voices } = this._store.state;
    this._column.busy = Math.max(this._column.busy, card?.in === false ? 0 : (card?.busy ?? 0));
    this._column.voices = Math.max(this._column.voices, voices?.length ?? 0);
  }

  _step() {
    const changed = this._columns.some((column) => column.busy || column.voices || column.marks.length);
    this._open();
    if (changed && !document.hidden && this._canvas.width) requestAnimationFrame(() => this._draw());
  }

  _underrun() {
    const now = performance.now();
    if (now - (this._told ?? -1e9) < 5000) return;
    this._told = now;
    announce("Underrun: a voice had no data.");
  }

  _size() {
    const { clientWidth, clientHeight } = this._canvas;
    this._canvas.width = Math.round(clientWidth * devicePixelRatio);
    this._canvas.height = Math.round(clientHeight * devicePixelRatio);
    this._draw();
  }

  _draw() {
    const { width, height } = this._canvas;
    const draw = this._canvas.getContext("2d");
    const step = width / COLUMNS;
    const left = width - this._columns.length * step;
    const most = Math.max(8, ...this._columns.map((column) => column.voices));
    draw.clearRect(0, 0, width, height);
    draw.fillStyle = this._colours["--line"];
    for (let part = 1; part < 6; part++) draw.fillRect((part / 6) * width, 0, 1, height);
    draw.fillStyle = this._colours["--busy"];
    this._columns.forEach(({ busy }, x) => busy && draw.fillRect(left + x * step, height * (1 - busy), step + 0.5, height * busy));
    this._line(draw, left, step, (column) => height - 2 - (column.voices / most) * (height - 4));
    this._columns.forEach(({ marks }, x) => marks.forEach((kind) => this._mark(draw, left + x * step, step, kind)));
    this._say(most);
  }

  _line(draw, left, step, y) {
    draw.strokeStyle = this._colours["--accent"];
    draw.lineWidth = 1.5 * devicePixelRatio;
    draw.beginPath();
    this._columns.forEach((column, x) => draw.lineTo(left + (x + 1) * step, y(column)));
    draw.stroke();
  }

  /** Underruns hang from the top, the rest stands at the bottom: told apart without colour. */
  _mark(draw, x, step, kind) {
    const { height } = this._canvas;
    const bad = MARKS[kind] === "--bad";
    draw.fillStyle = this._colours[MARKS[kind] ?? "--soft"];
    draw.fillRect(x, bad ? 0 : height * 0.75, Math.max(step, 2 * devicePixelRatio), bad ? height * 0.55 : height * 0.25);
  }

  _say(most) {
    const { underrun, xrun, fault } = this._count;
    setText(this._said, `Seen by this page: ${counted(underrun, "underrun")}, ${counted(xrun, "xrun")}, ${counted(fault, "fault")}. Full height: ${counted(most, "voice")}, card 100 % busy.`);
  }
}

const mark = (kind, text) => el("span", {}, el("i", { class: kind, "aria-hidden": "true" }), text);
