// The filters beside the results: for each facet its values, and how many drugs have them.

import { ask } from "./api.js";
import { make, put } from "./dom.js";
import { FILTERS, parametersOf, withFilter } from "./state.js";
import { count } from "./words.js";

/** Values that a facet shows before it is asked for all. */
const FIRST = 6;

/**
 * Count the values of the facets, each as if it had no filter of its own: a second form can then
 * be added to the first.
 *
 * @param {import("./state.js").Search} search
 * @param {Object<string, {value: string, drugs: number}[]>} counted - those of its own answer.
 * @param {AbortSignal} signal
 */
export async function countFacets(search, counted, signal) {
  const wider = Object.keys(search.filters).map(async (name) => {
    const filters = { ...search.filters };
    delete filters[name];
    const parameters = parametersOf({ ...search, filters });
    parameters.set("facets", "true");
    parameters.set("limit", "1");
    try {
      const answer = await ask("search", parameters, { signal });
      return [name, answer.facets[name]];
    } catch {
      return [name, counted[name]]; // Fewer to choose from, but the answer stands.
    }
  });
  return { ...counted, ...Object.fromEntries(await Promise.all(wider)) };
}

/**
 * Show the facets.
 *
 * @param {HTMLElement} place
 * @param {import("./state.js").Search} search
 * @param {Object<string, {value: string, drugs: number}[]>} facets
 * @param {(search: import("./state.js").Search) => void} change - called with the search wanted.
 */
export function showFacets(place, search, facets, change) {
  const opened = new Set(
    [...place.querySelectorAll("fieldset[data-all]")].map((one) => one.dataset.facet),
  );
  const focused = document.activeElement?.id;
  put(
    place,
    [...FILTERS].map(([name, title]) => {
      const values = valuesOf(name, search, facets);
      return values.length > 0 && facet(name, title, values, search, change, opened.has(name));
    }),
  );
  // The value that was just set is another element now.
  if (focused?.startsWith("facet-")) {
    document.getElementById(focused)?.focus();
  }
}

/** Give the values that were counted, and before them those that are set but were not. */
function valuesOf(name, search, facets) {
  const counted = facets[name] ?? [];
  const known = new Set(counted.map((one) => one.value));
  const missing = (search.filters[name] ?? []).filter((value) => !known.has(value));
  return [...missing.map((value) => ({ value, drugs: 0 })), ...counted];
}

function facet(name, title, values, search, change, all) {
  const chosen = new Set(search.filters[name]);
  const box = make("fieldset", { class: "facet", "data-facet": name, "data-all": all });
  const choices = values.map((one, place) => {
    const id = `facet-${name}-${encodeURIComponent(one.value)}`;
    const hidden = !all && place >= FIRST && !chosen.has(one.value);
    return make(
      "div",
      { class: "choice", hidden },
      make("input", {
        type: "checkbox",
        id,
        checked: chosen.has(one.value),
        onchange: (event) => change(withFilter(search, name, one.value, event.target.checked)),
      }),
      make("label", { for: id }, one.value),
      make("span", { class: "number", "aria-hidden": "true" }, count(one.drugs)),
    );
  });
  const hidden = choices.filter((one) => one.hidden);
  const more = make(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        box.dataset.all = "";
        hidden.forEach((one) => (one.hidden = false));
        hidden[0].querySelector("input").focus();
        more.remove();
      },
    },
    `Show ${hidden.length} more`,
    make("span", { class: "unseen" }, ` of ${title.toLowerCase()}`),
  );
  box.append(make("legend", {}, title), ...choices);
  if (hidden.length) {
    box.append(more);
  }
  return box;
}
