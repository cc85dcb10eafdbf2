// A stress run of this card and device, in a process of its own, and its report.

import { el, fill, sentence, setAttribute, setText } from "./dom.js";

export function stress(box, { store, ask }) {
  const voices = el("input", { type: "number", id: "stress-voices", min: "1", max: "1024", value: "32", required: true });
  const seconds = el("input", { type: "number", id: "stress-seconds", min: "1", max: "120", value: "10", required: true });
  const go = el("button", { type: "submit" }, "Run");
  const time = el("span", { class: "soft" });
  const text = el("p", { role: "status" });
  const report = el("a", { target: "_blank", rel: "noopener" }, "Open the report");
  const form = el("form", { class: "row" }, el("label", {}, "Voices ", voices), el("label", {}, "Seconds ", seconds), go);
  let running = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(running ? { t: "stress", do: "stop" } : { t: "stress", voices: Number(voices.value), seconds: Number(seconds.value) });
  });
  form.append(time);
  fill(box, "Stress run", form, text, report);
  store.watch(["hello", "stress"], () => {
    const now = store.state.stress;
    running = now?.running === true;
    setText(go, running ? "Stop" : "Run");
    setText(time, running ? `running for ${now.seconds ?? 0} s` : "");
    setText(text, now?.text ? sentence(now.text) : "How many voices does this card carry? Playing goes on meanwhile.");
    setAttribute(report, "hidden", !now?.report);
    setAttribute(report, "href", now?.report?.replace(/^\//, ""));
  });
}
