// How much RAM and which card the device has.

import { el, fill, setAttribute, setText } from "./dom.js";

const STEPS_PER_OCTAVE = 4;
const AS_STARTED = "as started";
const LATENCIES_MS = [0, 0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 8, 12, 20, 35, 60, 100];
const SPEEDS = [0.5, 1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 90, Infinity]; // MB/s; the last: any

export function settings(box, { store, ask }) {
  const ram = slider("ram", size, (bytes) => ask({ t: "setting", ram: bytes }));
  const own = () => ask({ t: "setting", card: { latency_ms: latency.value(), mb_per_s: finite(speed.value()) } });
  const latency = slider("latency", milliseconds, own);
  const speed = slider("speed", megabytes, own);
  const preset = el("select", { id: "preset" });
  preset.addEventListener("change", () => ask({ t: "setting", card: preset.value }));
  fill(box, "Device and card", el("div", { class: "fields" },
    el("label", { for: "ram" }, "RAM"), ram.input, ram.shown,
    el("label", { for: "preset" }, "Card"), preset,
    el("label", { for: "latency" }, "Latency"), latency.input, latency.shown,
    el("label", { for: "speed" }, "Speed"), speed.input, speed.shown),
  el("p", { class: "soft" }, "Each restarts the device. Latency and speed make a card without chance or spikes."));
  store.watch(["hello"], () => {
    const { ram: bytes, ram_range: range, timing, preset: name, presets } = store.hello;
    ram.show(octaves(...range), bytes);
    latency.show(LATENCIES_MS, timing.latency_ms);
    speed.show(SPEEDS, timing.mb_per_s || Infinity);
    const figures = name === null ? [el("option", { value: "", selected: true, disabled: true }, "own figures")] : [];
    preset.replaceChildren(...figures, ...[AS_STARTED, ...presets].map((one) => el("option", { value: one, selected: one === name }, one)));
  });
}

/** A slider over a list of values; what stands between two of them is shown as it is. */
function slider(id, words, onchange) {
  const input = el("input", { type: "range", id, min: "0", step: "1" });
  const shown = el("output", { for: id });
  let values = [0];
  let exact = 0;
  const say = (value) => {
    setText(shown, words(value));
    setAttribute(input, "aria-valuetext", words(value));
  };
  input.addEventListener("input", () => say((exact = values[input.valueAsNumber])));
  input.addEventListener("change", () => onchange(exact));
  const show = (all, value) => {
    [values, exact] = [all, value];
    input.max = String(all.length - 1);
    input.value = String(nearest(all, value));
    say(value);
  };
  return { input, shown, show, value: () => exact };
}

function nearest(all, value) {
  const above = all.findIndex((one) => one >= value);
  if (above < 1) return above < 0 ? all.length - 1 : 0;
  return all[above] - value < value - all[above - 1] ? above : above - 1;
}

/** Sizes in bytes, whole pages, from the least to the most. */
function octaves(least, most) {
  const steps = Math.round(Math.log2(most / least) * STEPS_PER_OCTAVE);
  return Array.from({ length: steps + 1 }, (_, step) =>
    Math.min(most, Math.round((least * 2 ** (step / STEPS_PER_OCTAVE)) / 4096) * 4096));
}

const finite = (value) => (Number.isFinite(value) ? value : 0);
const milliseconds = (value) => `${+value.toPrecision(3)} ms`;
const megabytes = (value) => (Number.isFinite(value) ? `${+value.toPrecision(3)} MB/s` : "any");

function size(bytes) {
  return bytes >= 1048576 ? `${+(bytes / 1048576).toFixed(1)} MB` : `${Math.round(bytes / 1024)} KB`;
}
