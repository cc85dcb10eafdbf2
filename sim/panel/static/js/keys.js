// The computer keyboard, by the position of the keys, so that every national layout has the same pads
// in the same places: four rows of four keys from the digit 1 downwards, like the pads themselves.

export const PAD_CODES = [
  "Digit1", "Digit2", "Digit3", "Digit4", "KeyQ", "KeyW", "KeyE", "KeyR",
  "KeyA", "KeyS", "KeyD", "KeyF", "KeyZ", "KeyX", "KeyC", "KeyV",
];
const PAD_OF = new Map(PAD_CODES.map((code, index) => [code, index + 1]));
const TEXT_FIELDS = "input:not([type=range],[type=checkbox]), select, textarea, [contenteditable]";

/** Listens to the keyboard. `act` has press, release, bank(step), panic, play. */
export class Keys {
  constructor(act) {
    this._act = act;
    this.enabled = true;
    this.velocity = 100;
    addEventListener("keydown", (event) => this._down(event));
    addEventListener("keyup", (event) => this._up(event));
  }

  _down(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "Escape") this._act.panic();
    if (!this.enabled || event.target.closest?.(TEXT_FIELDS)) return;
    const pad = PAD_OF.get(event.code);
    if (pad) this._act.press(`key ${event.code}`, pad, event.shiftKey ? 127 : this.velocity);
    else if (event.code === "BracketLeft") this._act.bank(-1);
    else if (event.code === "BracketRight") this._act.bank(1);
    else if (event.code === "Backslash") this._act.play();
    else return;
    event.preventDefault();
  }

  _up(event) {
    if (PAD_OF.has(event.code)) this._act.release(`key ${event.code}`);
  }
}

/** What is printed on the keys of the pads: where the browser tells, as they are on this keyboard. */
export async function keyLabels() {
  const plain = PAD_CODES.map((code) => code.replace(/^(Key|Digit)/, ""));
  try {
    const map = await navigator.keyboard.getLayoutMap();
    return PAD_CODES.map((code, index) => (map.get(code) ?? plain[index]).toUpperCase());
  } catch {
    return plain; // Firefox and Safari do not tell: the keys' names on a US keyboard.
  }
}
