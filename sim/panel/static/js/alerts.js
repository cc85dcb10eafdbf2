// Alerts with what to do about them, and the list of what happened.

import { el, fill, sentence, setAttribute, setText } from "./dom.js";

const MOST = 100;

/** The alert that holds now, in a live region: it is read out when it comes. */
export function alerts(box, { store }) {
  const text = el("p", { class: "big" });
  const advice = el("p", {});
  store.watch(["hello", "alert"], () => {
    const { alert } = store.state;
    document.body.classList.toggle("alarmed", Boolean(alert));
    if (!alert) return box.replaceChildren();
    setText(text, sentence(alert.text ?? alert.cause));
    const more = alert.advice && !alert.text?.includes(alert.advice) ? sentence(alert.advice) : "";
    setText(advice, `${alert.heard ? "It can be heard." : "It is not heard yet."} ${more}`);
    if (!box.firstChild) box.append(text, advice);
    return undefined;
  });
}

/** What happened, newest first. */
export class Events {
  constructor(box, { store }) {
    this._store = store;
    this._list = el("ol", { class: "log", tabindex: "0", "aria-label": "What happened, newest first" });
    this._none = el("p", { class: "soft" }, "Nothing went wrong so far.");
    fill(box, "What happened", this._none, this._list);
    this._last = null;
  }

  take({ n, frame, kind, text }) {
    const gap = this._last !== null && n > this._last + 1;
    this._last = n;
    setAttribute(this._none, "hidden", true);
    if (gap) this._list.prepend(el("li", { "data-kind": "note" }, "… some were left out"));
    this._list.prepend(el("li", { "data-kind": kind }, el("time", {}, clock(frame, this._store.hello?.rate)), el("b", {}, kind), el("span", {}, text)));
    while (this._list.childElementCount > MOST) this._list.lastChild.remove();
  }

  clear() {
    this._list.replaceChildren();
    setAttribute(this._none, "hidden", false);
    this._last = null;
  }
}

function clock(frame, rate = 48000) {
  const seconds = frame / rate;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}
