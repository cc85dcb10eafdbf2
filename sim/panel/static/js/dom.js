// Small helpers to make and change nodes. A change that changes nothing touches nothing: at 30 states
// a second, that is what keeps the page cheap.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** An element: properties that start with "on" are listeners, "class" and all others are attributes. */
export function el(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else setAttribute(node, name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function setText(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** true is an empty attribute; false, null and undefined take it away. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const wanted = value === true ? "" : String(value);
  if (node.getAttribute(name) !== wanted) node.setAttribute(name, wanted);
}

/** A style property by CSSOM, which a strict Content-Security-Policy allows. */
export function setStyle(node, name, value) {
  if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value);
}

/** Stretches a bar (0 to 1) without a layout. */
export function setBar(node, part) {
  const size = Math.max(0, Math.min(1, part || 0));
  setStyle(node, "transform", `scaleX(${size.toFixed(3)})`);
}

/** A symbol of index.html, as decoration. */
export function symbol(name) {
  return svg("svg", { class: "symbol", "aria-hidden": "true" }, svg("use", { href: `#${name}` }));
}

/** A heading with what follows, in a box of the bench or the card. */
export function fill(box, title, ...children) {
  const id = `${box.id}-title`;
  setAttribute(box, "role", "group");
  setAttribute(box, "aria-labelledby", id);
  box.replaceChildren(el("h2", { id }, title), ...children);
}

export function announce(text) {
  setText($("announce"), text);
}

/** With a capital and a full stop, as the server's phrases come without. */
export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;

/** Such as "1 fault", "2 faults". */
export const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
