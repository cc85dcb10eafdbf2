// Every voice with what it still has in hand: the time until it would underrun.

import { el, fill, setAttribute, setBar, setText } from "./dom.js";

const FULL_MS = 1000; // a full bar
const MOST = 64;

export function voices(box, { store }) {
  const list = el("ul", { class: "voicelist", tabindex: "0", "aria-label": "Voices" });
  const none = el("p", { class: "soft" }, "Nothing plays. Press a pad.");
  fill(box, "Voices and their buffers", none, list);
  const rows = [];
  store.watch(["voices", "hello"], () => {
    const now = (store.state.voices ?? []).slice(0, MOST);
    while (rows.length < now.length) rows.push(row(list));
    setAttribute(none, "hidden", now.length > 0);
    rows.forEach((one, index) => show(one, now[index], store));
  });
}

function row(list) {
  const name = el("b");
  const bar = el("span", { class: "bar" });
  const slack = el("span", { class: "slack" });
  const node = el("li", {}, name, el("span", { class: "track", "aria-hidden": "true" }, bar), slack);
  list.append(node);
  return { node, name, bar, slack };
}

function show({ node, name, bar, slack }, voice, store) {
  if (node.hidden !== !voice) setAttribute(node, "hidden", !voice);
  if (!voice) return;
  const [tag, state, left] = voice;
  setText(name, tag < 0 ? "♪" : store.name(tag));
  setAttribute(node, "data-state", state);
  setAttribute(node, "data-low", left !== null && left < 100);
  setBar(bar, state === "silent" ? 0 : left === null ? 1 : left / FULL_MS);
  setText(slack, text(state, left));
}

function text(state, left) {
  if (state === "silent") return "no data";
  if (state === "returning") return "returns";
  if (left === null) return "in RAM";
  return left >= 10000 ? `${Math.round(left / 1000)} s` : left >= 1000 ? `${(left / 1000).toFixed(1)} s` : `${Math.round(left / 10) * 10} ms`;
}
