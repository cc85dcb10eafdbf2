// Light, dark, or as the system has it; and which part a small window shows.

import { $, setAttribute } from "./dom.js";

export function theme(changed) {
  const choice = $("theme");
  const apply = () => {
    setAttribute(document.documentElement, "data-theme", choice.value || null);
    changed();
  };
  choice.value = stored("theme");
  choice.addEventListener("change", () => {
    keep("theme", choice.value);
    apply();
  });
  apply();
}

export function views() {
  const buttons = document.querySelectorAll(".views button");
  const show = (view) => {
    document.body.dataset.view = view;
    for (const button of buttons) setAttribute(button, "aria-pressed", String(button.dataset.view === view));
  };
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.view));
  // Where the device stands beside the others there is nothing to switch it to.
  const beside = matchMedia("(min-width: 900px)");
  const fit = () => show(beside.matches && document.body.dataset.view === "device" ? "bench" : document.body.dataset.view);
  beside.addEventListener("change", fit);
  fit();
}

// Storage may be forbidden; then a choice lasts as long as the page.
function stored(name) {
  try {
    return localStorage.getItem(`benchpad.${name}`) ?? "";
  } catch {
    return "";
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(`benchpad.${name}`, value);
  } catch {
    // nothing to do
  }
}
