// Mouse, pen and fingers on the pads, as many as there are at once.

const SOFTEST = 30;
const LOUDEST = 127;

/** Makes `node` a pad: `press(holder, velocity)` and `release(holder)` are called. */
export function playable(node, press, release) {
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.shiftKey) return;
    node.setPointerCapture(event.pointerId); // the release comes here wherever the finger went
    press(holder(event), velocity(event, node));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    node.addEventListener(end, (event) => release(holder(event)));
  }
  node.addEventListener("contextmenu", (event) => event.preventDefault());
  node.addEventListener("click", (event) => {
    // A click without a pointer or a key comes from assistive technology: it is a short tap.
    if (event.detail !== 0 || event.pointerType || node.dataset.keyed) return;
    press("click", 100);
    setTimeout(() => release("click"), 200);
  });
}

const holder = (event) => `pointer ${event.pointerId}`;

/** Pressure where the hardware measures it, else the height of the hit: high on the pad is loud. */
function velocity(event, node) {
  const measured = event.pointerType !== "mouse" && event.pressure > 0 && event.pressure !== 0.5 && event.pressure !== 1;
  if (measured) return SOFTEST + (LOUDEST - SOFTEST) * event.pressure;
  const box = node.getBoundingClientRect();
  const height = 1 - (event.clientY - box.top) / box.height;
  return SOFTEST + (LOUDEST - SOFTEST) * Math.min(1, Math.max(0, height) * 1.25);
}
