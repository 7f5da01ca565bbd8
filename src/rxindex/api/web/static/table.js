// Tables, which scroll by themselves where the page is narrow.

import { make } from "./dom.js";

/**
 * Make a table that the keyboard can scroll.
 *
 * @param {string} name - for those who hear the page.
 * @param {string[]} columns
 * @param {HTMLElement} body
 */
export function makeTable(name, columns, body) {
  const heads = columns.map((column) => make("th", { scope: "col" }, column));
  return make(
    "div",
    { class: "scrolled", tabindex: "0", role: "region", "aria-label": name },
    make("table", {}, make("thead", {}, make("tr", {}, heads)), body),
  );
}
