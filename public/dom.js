const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. Children are elements or text; text never becomes markup. A function is a listener: `{onclick}`.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `undefined` and `false` are left out
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes = {}, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Writes only what has changed, so that an unchanged page costs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** `undefined` takes the attribute away. */
export function setAttribute(element, name, value) {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** @type {WeakMap<Element, Map<string, {element: Element, update?: (item: any) => void}>>} */
const shown = new WeakMap();

/**
 * Makes the children of `parent` show `items` in their order: known ones are updated in place, new ones are made,
 * others go. Nothing moves that is where it belongs.
 *
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf unique within the items
 * @param {(item: T) => {element: Element, update?: (item: T) => void}} create
 * @param {Element} [after] a child that stays before all of them
 */
export function reconcile(parent, items, keyOf, create, after) {
  const known = shown.get(parent) ?? new Map();
  const next = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, { element }] of known) {
    if (next.has(key)) continue;
    element.remove();
    known.delete(key);
  }
  let place = after ? after.nextElementSibling : parent.firstElementChild;
  for (const [key, item] of next) {
    let view = known.get(key);
    if (!view) {
      view = create(item);
      known.set(key, view);
    }
    view.update?.(item);
    if (view.element === place) place = place.nextElementSibling;
    else parent.insertBefore(view.element, place);
  }
  shown.set(parent, known);
}
