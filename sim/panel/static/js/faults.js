// What can go wrong with a card, by button; and how much RAM and which card the device has.

import { el, fill, setAttribute, setText } from "./dom.js";

export function faults(box, { store, ask }) {
  const ms = el("select", { "aria-label": "Length of the spike" }, ...[20, 50, 200, 500, 2000].map((value) =>
    el("option", { value: String(value), selected: value === 200 }, `${value} ms`)));
  const times = el("select", { "aria-label": "Number of read errors" }, ...[1, 3, 10, 100].map((value) =>
    el("option", { value: String(value) }, `${value} ×`)));
  const button = (text, title, message) => el("button", { type: "button", title, onclick: () => ask(message()) }, text);
  const pull = button("Pull the card", "The card is taken out while it plays", () => ({ t: "fault", do: "pull" }));
  const insert = button("Put it back", "The same card is put back", () => ({ t: "fault", do: "insert" }));
  const swap = button("Swap", "Another card is put in", () => ({ t: "fault", do: "swap" }));
  const mirror = button("Fail the mirror", "The mirror card fails or comes back", () => ({ t: "fault", do: "mirror" }));
  const spike = button("Spike", "The next command to the card takes so much longer", () => ({ t: "fault", do: "spike", ms: Number(ms.value) }));
  const error = button("Read error", "The next reads fail", () => ({ t: "fault", do: "error", times: Number(times.value) }));
  const note = el("p", { class: "soft" });
  fill(box, "Faults", el("div", { class: "row" }, el("span", { class: "pair" }, spike, ms), el("span", { class: "pair" }, error, times), pull, insert, swap, mirror), note);
  store.watch(["hello", "card"], () => {
    const { hello, state } = store;
    const out = state.card?.in === false;
    const can = hello.faults !== false;
    for (const one of [spike, error, mirror]) setAttribute(one, "disabled", !can);
    setAttribute(pull, "disabled", !can || out);
    setAttribute(insert, "disabled", !can || !out);
    setAttribute(swap, "disabled", !can || hello.cards.length < 2);
    setAttribute(mirror, "hidden", !hello.mirror);
    setText(mirror, state.card?.mirror === "failed" ? "Mirror comes back" : "Fail the mirror");
    setText(note, !can ? "This session takes no faults." : out ? "The card is out." : hello.cards.length < 2 ? "Swap needs a second card: start with one more." : "");
    setAttribute(note, "hidden", !note.textContent);
  });
}

const STEPS_PER_OCTAVE = 4;

export function settings(box, { store, ask }) {
  const ram = el("input", { type: "range", id: "ram" });
  const shown = el("output", { for: "ram" });
  const preset = el("select", { id: "preset" });
  const bytes = () => Math.round(2 ** (Number(ram.value) / STEPS_PER_OCTAVE) / 4096) * 4096;
  const clamped = () => Math.max(store.hello.ram_range[0], Math.min(store.hello.ram_range[1], bytes()));
  ram.addEventListener("input", () => { setText(shown, size(clamped())); setAttribute(ram, "aria-valuetext", size(clamped())); });
  ram.addEventListener("change", () => ask({ t: "setting", ram: clamped() }));
  preset.addEventListener("change", () => ask({ t: "setting", card: preset.value }));
  fill(box, "Device and card", el("div", { class: "fields" },
    el("label", { for: "ram" }, "RAM"), ram, shown, el("label", { for: "preset" }, "Card"), preset),
  el("p", { class: "soft" }, "Either restarts the device."));
  store.watch(["hello"], () => {
    const { hello } = store;
    const octave = (value) => String(Math.round(Math.log2(value) * STEPS_PER_OCTAVE));
    ram.min = octave(hello.ram_range[0]);
    ram.max = octave(hello.ram_range[1]);
    ram.value = octave(hello.ram);
    setText(shown, size(hello.ram));
    setAttribute(ram, "aria-valuetext", size(hello.ram));
    const own = hello.presets.includes(hello.preset) ? [] : [el("option", { value: "", selected: true, disabled: true }, hello.preset ?? "as started")];
    preset.replaceChildren(...own, ...hello.presets.map((name) => el("option", { value: name, selected: name === hello.preset }, name)));
  });
}

function size(bytes) {
  return bytes >= 1048576 ? `${+(bytes / 1048576).toFixed(1)} MB` : `${Math.round(bytes / 1024)} KB`;
}
