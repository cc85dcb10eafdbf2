// What can go wrong with a card, by button.

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
    setText(note, !can ? "This session takes no faults." : out ? "The card is out." : hello.cards.length < 2 ? "Swap needs a second card: start with --swap." : "");
    setAttribute(note, "hidden", !note.textContent);
  });
}
