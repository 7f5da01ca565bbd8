// How a query was read: what was corrected, what each part was taken for, and what else was meant
// perhaps. Nothing is changed without being said here.

import { icon, make } from "./dom.js";
import { addressOf, searchFor } from "./state.js";

const KINDS = {
  ndc: "NDC",
  strength: "strength",
  form: "form",
  route: "route",
  schedule: "DEA schedule",
  kind: "wish",
  status: "marketed",
  labeler: "labeler",
  size: "package size",
  brand: "brand",
  generic: "generic",
  ingredient: "ingredient",
  abbreviation: "abbreviation",
  class: "class",
  indication: "use",
  word: "word",
  ignored: "left out",
};

const HOW = {
  spelling: "spelling",
  sound: "it sounds alike",
  words: "blanks set or left out",
};

/** Meanings that a part shows; a class may have a dozen. */
const MEANINGS = 3;

/**
 * Make all that is said above the results.
 *
 * @param {object} answer - as the API has it.
 * @param {import("./state.js").Search} search
 */
export function makeUnderstood(answer, search) {
  const { parts, did_you_mean: others } = answer.understood;
  return [
    answer.degraded &&
      banner("caution", "warning", [
        make("strong", {}, "Searching by words only. "),
        "The model that compares meanings is not to be had; names, classes and uses are found.",
      ]),
    corrections(answer, search),
    search.exact &&
      banner("note", "info", [
        "Taken exactly as typed. ",
        make("a", { href: addressOf({ ...search, exact: false }) }, "Allow corrections"),
      ]),
    answer.notes.map((note) => banner("note", "info", [note])),
    others.length > 0 &&
      make(
        "p",
        { class: "did-you-mean" },
        "Did you mean ",
        others.flatMap((name, place) => [
          place ? ", " : "",
          make("a", { href: addressOf(searchFor(name)) }, name),
        ]),
        "?",
      ),
    parts.length > 0 &&
      make("ul", { class: "parts", "aria-label": "How the words were read" }, parts.map(partOf)),
  ];
}

function corrections(answer, search) {
  const made = answer.understood.corrections;
  if (!made.length) {
    return answer.corrected && banner("correction", "pencil", corrected(answer.corrected, search));
  }
  const taken = made.flatMap((one, place) => [
    place ? ", " : "",
    make("strong", {}, one.taken),
    ` for ‘${one.typed}’ (${HOW[one.how]})`,
  ]);
  return banner("correction", "pencil", ["Showing ", taken, ". ", insist(search)]);
}

function corrected(taken, search) {
  return ["Showing ", make("strong", {}, taken), ` for ‘${search.q}’. `, insist(search)];
}

function insist(search) {
  return make(
    "a",
    { href: addressOf({ ...search, exact: true }), class: "insist" },
    `Search for ‘${search.q}’ instead`,
  );
}

function banner(kind, sign, says) {
  return make("p", { class: `banner ${kind}` }, icon(sign), make("span", {}, says));
}

function partOf(part) {
  const means = part.means.filter((one) => one.toLowerCase() !== part.text.toLowerCase());
  const left = means.length - MEANINGS;
  return make(
    "li",
    { class: `part ${part.kind}` },
    make("span", { class: "part-kind" }, KINDS[part.kind] ?? part.kind),
    make("span", { class: "part-text" }, part.text),
    means.length > 0 &&
      make(
        "span",
        { class: "part-means", title: means.join(", ") },
        `= ${means.slice(0, MEANINGS).join(", ")}${left > 0 ? ` and ${left} more` : ""}`,
      ),
  );
}
