// What is searched for. The page's address holds it, in the names that the API has for it, so that
// the browser's back button and a bookmark bring it back.

/** The filters, in the order in which they are shown, and what people call them. */
export const FILTERS = new Map([
  ["form", "Dosage form"],
  ["route", "Route"],
  ["ingredient", "Ingredient"],
  ["strength", "Strength"],
  ["class", "Class"],
  ["schedule", "DEA schedule"],
  ["kind", "Brand or generic"],
  ["labeler", "Labeler"],
]);

const SWITCHES = ["exact", "group", "active"];

/**
 * A search as a person put it together.
 *
 * @typedef {{q: string, exact: boolean, group: boolean, active: boolean,
 *   filters: Object<string, string[]>}} Search
 */

/** Give a search for words, with no filter. */
export function searchFor(q, switches = {}) {
  return { q, exact: false, group: false, active: false, ...switches, filters: {} };
}

/** Read a search from a page's address. */
export function readSearch(address) {
  const given = new URLSearchParams(address);
  const search = searchFor((given.get("q") ?? "").trim());
  for (const name of SWITCHES) {
    search[name] = given.get(name) === "true";
  }
  for (const name of FILTERS.keys()) {
    const values = given.getAll(name);
    if (values.length) {
      search.filters[name] = values;
    }
  }
  return search;
}

/** Write a search as parameters, of a page's address and of the API alike. */
export function parametersOf(search) {
  const parameters = new URLSearchParams({ q: search.q });
  for (const name of SWITCHES) {
    if (search[name]) {
      parameters.set(name, "true");
    }
  }
  for (const [name, values] of Object.entries(search.filters)) {
    for (const value of values) {
      parameters.append(name, value);
    }
  }
  return parameters;
}

/** Give the address of a search, relative to the page. */
export function addressOf(search) {
  return search.q ? `?${parametersOf(search)}` : "./";
}

/** Give the same search with one value of a filter set or taken away. */
export function withFilter(search, name, value, wanted) {
  const others = (search.filters[name] ?? []).filter((one) => one !== value);
  const filters = { ...search.filters, [name]: wanted ? [...others, value] : others };
  if (!filters[name].length) {
    delete filters[name];
  }
  return { ...search, filters };
}

/** Tell whether any filter is set. */
export function isFiltered(search) {
  return search.active || Object.keys(search.filters).length > 0;
}
