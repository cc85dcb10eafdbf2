// What the lights and the keys mean; and what the keys do.

import { el, symbol } from "./dom.js";
import { LIGHTS } from "./pads.js";

export function help(box, { keys, labels }) {
  const lights = el("ul", { class: "lights" }, ...Object.entries(LIGHTS).map(([light, text]) =>
    el("li", { "data-light": light }, symbol(`light-${light}`), el("span", {}, text))));
  const shortcuts = [
    [rows(labels), "the pads, in their rows; with Shift at full velocity"],
    ["[ ]", "bank before, bank after"],
    ["\\", "pattern: play or stop"],
    ["Esc", "panic: all falls silent"],
    ["Arrows, Enter", "from pad to pad; play the chosen one"],
    ["Shift and click", "chooses a pad without playing it"],
  ];
  const list = el("dl", { class: "facts" }, ...shortcuts.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]));
  const enabled = el("input", { type: "checkbox", id: "keys-on", checked: true, onchange: (event) => { keys.enabled = event.target.checked; } });
  const velocity = el("input", { type: "range", id: "keys-velocity", min: "1", max: "127", value: String(keys.velocity), oninput: (event) => { keys.velocity = Number(event.target.value); } });
  box.append(el("summary", {}, "Lights and keys"), lights, list,
    el("p", {}, el("label", {}, enabled, " The computer keyboard plays the pads")),
    el("p", {}, el("label", { for: "keys-velocity" }, "Velocity of keys "), velocity),
    el("p", { class: "soft" }, "Mouse and fingers: high on a pad is loud, low is soft; where a pen or screen measures pressure, that counts."));
}

/** Four keys a line, as the pads stand. */
function rows(labels) {
  return [0, 4, 8, 12].map((first) => labels.slice(first, first + 4).join(" ")).join("\n");
}
