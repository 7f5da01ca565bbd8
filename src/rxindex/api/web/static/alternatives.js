// The drawer with what may stand in place of a drug. The browser itself keeps the focus within an
// open dialog, closes it with Escape and gives the focus back.

import { ask } from "./api.js";
import { icon, make, put } from "./dom.js";
import { makeShortHit } from "./hit.js";

/** Read a drug's alternatives and show them in the drawer. */
export async function openAlternatives(hit) {
  const drawer = document.querySelector("#alternatives");
  const content = drawer.querySelector("#alternatives-content");
  drawer.querySelector("#alternatives-title").textContent = `Alternatives to ${hit.display}`;
  put(content, make("p", { class: "muted", role: "status" }, "Loading…"));
  drawer.showModal();
  try {
    const found = await ask(`drugs/${encodeURIComponent(hit.id)}/alternatives`);
    put(content, sections(found));
  } catch (problem) {
    put(content, make("p", { role: "alert" }, `${problem.message}. ${problem.detail ?? ""}`));
  }
}

function sections(found) {
  return [
    section("Equivalents", "The same formulation; generics first.", found.equivalents),
    section(
      "Same ingredients",
      "Other strengths, forms and routes.",
      found.same_ingredients,
    ),
    folded("Same class", found.same_class),
    folded("Same use", found.same_indication),
  ];
}

function section(title, says, hits) {
  return make(
    "section",
    { "aria-label": title },
    make("h3", {}, title),
    make("p", { class: "muted" }, hits.length ? says : "None in this catalogue."),
    hits.length > 0 && make("ul", { class: "short-hits" }, hits.map(makeShortHit)),
  );
}

/** Show a list of lists, of which the first is open. */
function folded(title, lists) {
  return make(
    "section",
    { "aria-label": title },
    make("h3", {}, title),
    !lists.length && make("p", { class: "muted" }, "None in this catalogue."),
    lists.map((one, place) =>
      make(
        "details",
        { open: place === 0, class: "fold" },
        make("summary", {}, icon("chevron"), `${one.name} (${one.hits.length})`),
        make("ul", { class: "short-hits" }, one.hits.map(makeShortHit)),
      ),
    ),
  );
}
