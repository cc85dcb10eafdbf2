// The figures at a glance.

import { counted, el, setAttribute, setBar, setText } from "./dom.js";

const megabytes = (bytes) => (bytes === undefined ? "–" : `${(bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0)} MB`);
const percent = (ratio) => (ratio === undefined ? "–" : `${(ratio * 100).toFixed(ratio > 0.995 && ratio < 1 ? 1 : 0)} %`);

/** Each tile: what its number, its bar (0 to 1) and its small print are, from the state. */
const TILES = [
  ["Voices", (state) => ({
    number: state.voices?.length ?? 0,
    note: `${streaming(state)} streaming`,
  })],
  ["Underruns", (state) => ({ number: state.underruns ?? 0, note: "since start", bad: state.underruns > 0 })],
  ["Cache", (state) => ({
    number: percent(state.cache?.hit_rate),
    note: `hits; ${megabytes(state.cache?.resident_bytes)} of ${megabytes(state.cache?.pool_bytes)} in use, ${megabytes(state.cache?.pinned_bytes)} pinned`,
    bar: state.cache?.resident_bytes / state.cache?.pool_bytes,
  })],
  ["Card", (state) => ({
    number: state.card?.in === false ? "out" : percent(state.card?.busy),
    note: state.card?.in === false ? "pulled" : `busy${mirror(state)}`,
    bar: state.card?.in === false ? 0 : state.card?.busy,
    bad: state.card?.in === false,
  })],
  ["Latency", (state) => ({ number: state.latency_ms === undefined ? "–" : `${state.latency_ms.toFixed(1)} ms`, note: "event to output" })],
  ["Late blocks", (state) => ({
    number: state.audio?.late_blocks ?? 0,
    note: `${counted(state.audio?.xruns ?? 0, "xrun")}; render ${Math.round(state.audio?.p50 ?? 0)} µs, 99.9 % ${Math.round(state.audio?.p999 ?? 0)} µs`,
    bad: state.audio?.late_blocks > 0 || state.audio?.xruns > 0,
  })],
];

const mirror = (state) => ({ ready: "; mirror ready", failed: "; mirror failed" })[state.card?.mirror] ?? "";
const streaming = (state) => (state.voices ?? []).filter((voice) => voice[2] !== null).length;

export function tiles(box, { store }) {
  const made = TILES.map(([title, read]) => {
    const number = el("span", { class: "number" });
    const note = el("span", { class: "note" });
    const bar = el("span", { class: "bar" });
    const node = el("div", { class: "tile" }, el("span", { class: "title" }, title), number, note, el("span", { class: "track", "aria-hidden": "true" }, bar));
    box.append(node);
    return { read, node, number, note, bar };
  });
  store.watch(["hello", "voices", "underruns", "cache", "card", "latency_ms", "audio"], () => {
    for (const tile of made) {
      const { number, note, bar, bad } = tile.read(store.state);
      setText(tile.number, number);
      setText(tile.note, note);
      setAttribute(tile.node, "data-bar", bar !== undefined);
      setAttribute(tile.node, "data-bad", bad === true);
      setBar(tile.bar, bar);
    }
  });
}
