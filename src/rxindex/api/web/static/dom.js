// Elements made by hand. Text is only ever set as text: a catalogue may hold any.

const SVG = "http://www.w3.org/2000/svg";

/** Lines on a grid of 24 by 24, drawn with round ends. */
const ICONS = {
  warning: "M12 4 2.5 20h19L12 4Zm0 6v4.5m0 2.8v.2",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 8v5m0-8.2v.2",
  pencil: "M4 20l1-4L16 5l3 3L8 19l-4 1Zm10-13 3 3",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4.5V12l3 2",
  error: "M8 3h8l5 5v8l-5 5H8l-5-5V8l5-5Zm4 5v5m0 3v.2",
  chevron: "m6 9 6 6 6-6",
  close: "M6 6l12 12M18 6 6 18",
  check: "m5 12.5 4.5 4.5L19 7.5",
  swap: "M4 8h14m-4-4 4 4-4 4M20 16H6m4-4-4 4 4 4",
  box: "M4 8v9l8 4 8-4V8l-8-4-8 4Zm0 0 8 4 8-4m-8 4v9",
};

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Object<string, unknown>} attributes - `onclick` and the like are listeners; true stands
 *   for an attribute without a value; false and null leave it out.
 * @param {...(Node|string|number|null|undefined|false|Array)} children - strings become text.
 */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an element of a drawing; see `make`. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Make an icon. What it says has to stand beside it in words. */
export function icon(name) {
  return draw(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    draw("path", { d: ICONS[name] }),
  );
}

/** Put `children` in the place of all that an element holds. */
export function put(element, ...children) {
  element.replaceChildren(...nodes(children));
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
