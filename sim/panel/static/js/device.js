// The rest of the device: display, banks, what the chosen pad does, pattern transport.

import { el, setAttribute, setBar, setText, svg } from "./dom.js";
import { outline } from "./peaks.js";
import { LIGHTS } from "./pads.js";

const MODES = { hold: "Hold", mute: "Mute", pin: "Pin", loop: "Loop", reverse: "Rev", gate: "Gate" };
const MODE_TITLES = {
  hold: "Goes on sounding when the pad is let go",
  mute: "Makes no sound, and what sounds of it ends",
  pin: "All of the sample stays in memory",
  loop: "Begins again at its end, from the next press on; off ends what loops",
  reverse: "Plays backwards, from the next press on",
  gate: "Sounds only while the pad is held, from the next press on",
};

/** The display: what the device is, and what the chosen pad has. */
export function display(box, { store, peaks }) {
  const first = el("p", { class: "big" });
  const second = el("p", {});
  const third = el("p", {});
  const path = svg("path");
  const wave = svg("svg", { class: "wave", viewBox: "0 0 95 256", preserveAspectRatio: "none", "aria-hidden": "true" }, path);
  const head = el("span", { class: "head", "aria-hidden": "true" });
  box.append(first, second, el("div", { class: "strip" }, wave, head), third);
  store.watch(["hello", "bank", "chosen", "slots", "pads", "tempo", "card", "online", "alert", "learning"], () => {
    const tag = store.tag(store.local.chosen);
    const slot = store.chosen;
    const light = store.state.pads?.[tag] ?? (slot ? "silent" : "empty");
    setText(first, `${store.name(tag)}  ${slot ? slot.sample || slot.path : "—"}`);
    setText(second, slot?.verdict === "refused" ? slot.reason || "refused by the device" : padLine(slot, light));
    const { alert } = store.state;
    setText(third, store.local.learning || (alert ? `! ${alert.text}` : deviceLine(store)));
    third.classList.toggle("warned", Boolean(alert || store.local.learning));
    draw(slot);
  });
  store.watch(["bank", "chosen", "voices"], () => {
    const tag = store.tag(store.local.chosen);
    const voice = store.state.voices?.findLast(([of]) => of === tag);
    setBar(head, voice ? voice[3] : 0);
  });
  let shown = null;
  async function draw(slot) {
    const key = peaks.key(slot);
    if (shown === key) return;
    shown = key;
    setAttribute(path, "d", null);
    const answer = key && (await peaks.get(slot));
    if (!answer?.peaks?.length || shown !== key) return;
    setAttribute(wave, "viewBox", `0 0 ${answer.peaks.length - 1} 256`);
    setAttribute(path, "d", outline(answer.peaks));
  }
}

function padLine(slot, light) {
  const on = Object.keys(MODES).filter((name) => slot?.modes?.[name]);
  const length = slot?.seconds ? `${slot.seconds.toFixed(slot.seconds < 10 ? 2 : 1)} s` : null;
  return [length, LIGHTS[light], ...on].filter(Boolean).join(" · ");
}

function deviceLine(store) {
  const { hello, state, local } = store;
  if (!hello) return "waiting for the program";
  const tempo = state.tempo?.bpm ? `${state.tempo.bpm.toFixed(1)} bpm${state.tempo.running ? " ▶" : ""}` : null;
  const card = state.card?.in === false ? "NO CARD" : (state.card?.name ?? hello.card);
  return [local.online ? null : "OFFLINE", hello.title, card, tempo].filter(Boolean).join(" · ");
}

/** Bank buttons. */
export function banks(box, { store, choose }) {
  let buttons = [];
  store.watch(["hello"], () => {
    if (buttons.length === store.hello.banks.length) return;
    buttons = [...store.hello.banks].map((name, bank) =>
      el("button", { type: "button", "aria-label": `Bank ${name}`, onclick: () => choose(bank) }, name));
    box.replaceChildren(...buttons);
  });
  store.watch(["hello", "bank"], () => buttons.forEach((button, bank) => setAttribute(button, "aria-pressed", String(bank === store.bank))));
  store.watch(["hello", "slots", "pads"], () => {
    const used = new Set([...store.slots.keys()].map((tag) => Math.floor(tag / store.hello.per_bank)));
    const sounding = new Set(Object.entries(store.state.pads ?? {}).filter(([, light]) => light === "playing" || light === "streaming")
      .map(([tag]) => Math.floor(tag / store.hello.per_bank)));
    buttons.forEach((button, bank) => setAttribute(button, "data-has", sounding.has(bank) ? "sound" : used.has(bank) ? "samples" : null));
  });
}

/** Hold, mute, pin, loop, reverse and gate of the chosen pad. */
export function modes(box, { store, send }) {
  const label = el("span", { class: "of" });
  const buttons = Object.entries(MODES).map(([name, text]) => {
    const button = el("button", { type: "button", title: MODE_TITLES[name] }, text);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      send({ t: "mode", bank: store.bank, pad: store.local.chosen, name, on });
    });
    return [name, button];
  });
  box.append(label, ...buttons.map(([, button]) => button));
  store.watch(["hello", "bank", "chosen", "slots"], () => {
    const slot = store.chosen;
    setText(label, store.name(store.tag(store.local.chosen)));
    for (const [name, button] of buttons) {
      setAttribute(button, "aria-pressed", String(slot?.modes?.[name] === true));
      setAttribute(button, "disabled", !slot || slot.verdict === "refused" || slot.modes?.[name] === undefined);
    }
  });
}

/** Start, stop, continue and tempo, where the device has patterns. */
export function transport(box, { store, send }) {
  const buttons = { start: "Play", stop: "Stop", continue: "Continue" };
  const tempo = el("input", { type: "number", min: "20", max: "300", step: "0.1", "aria-label": "Tempo in beats a minute" });
  tempo.addEventListener("change", () => tempo.reportValidity() && send({ t: "tempo", bpm: Number(tempo.value) }));
  const source = el("span", { class: "soft" });
  box.append(...Object.entries(buttons).map(([what, text]) =>
    el("button", { type: "button", "data-do": what, onclick: () => send({ t: "transport", do: what }) }, text)), tempo, source);
  store.watch(["hello"], () => { setAttribute(box, "hidden", !store.hello.transport); });
  store.watch(["hello", "tempo"], () => {
    const now = store.state.tempo ?? {};
    setAttribute(box, "data-running", now.running === true);
    if (document.activeElement !== tempo) tempo.value = now.bpm ? String(Number(now.bpm.toFixed(1))) : "";
    setAttribute(tempo, "disabled", now.source === "midi");
    setText(source, now.source === "midi" ? "from MIDI" : "");
  });
}
