// The search page: from the address to the answer, and from what a person does to the address.

import { openAlternatives } from "./alternatives.js";
import { ask } from "./api.js";
import { Combobox } from "./combobox.js";
import { icon, make, put } from "./dom.js";
import { countFacets, showFacets } from "./facets.js";
import { makeHit } from "./hit.js";
import { addressOf, isFiltered, parametersOf, readSearch, searchFor } from "./state.js";
import { makeUnderstood } from "./understood.js";
import { count } from "./words.js";

const PAGE = 20;
/** The API counts no further. */
const MOST_COUNTED = 1000;

const find = (selector) => document.querySelector(selector);
const form = find("#search");
const box = find("#q");
const results = find("#results");
const hits = find("#hits");
const switches = { group: find("#group"), active: find("#active") };

const combobox = new Combobox(box, find("#suggestions"), announce, (q) => start(q));

let search = searchFor("");
let asking = new AbortController();

/** Say something to those who hear the page. */
function announce(text) {
  find("#live").textContent = text;
}

/** Search for other words: the filters of the last ones are no use for them. */
function start(q) {
  const { group, active } = search;
  go(q === search.q ? search : searchFor(q, { group, active }));
}

/** Go to a search; the back button leads back from it. */
function go(wanted) {
  const address = addressOf(wanted);
  if (address !== (location.search || "./")) {
    history.pushState(null, "", address);
  }
  show();
}

/** Show what the address says. */
async function show() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  search = readSearch(location.search);
  box.value = search.q;
  combobox.close();
  for (const [name, element] of Object.entries(switches)) {
    element.checked = search[name];
  }
  document.title = search.q ? `${search.q} – rxindex` : "rxindex – drug search";
  find("#welcome").hidden = Boolean(search.q);
  results.hidden = !search.q;
  find("#problem").hidden = true;
  if (!search.q) {
    box.focus();
    return;
  }
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await askPage(0, signal);
    showAnswer(answer);
    const facets = await countFacets(search, answer.facets, signal);
    showFacets(find("#facets"), search, facets, go);
  } catch (problem) {
    if (!signal.aborted) {
      put(hits); // What was found for other words must not be taken for the answer.
      results.hidden = true;
      showProblem(problem);
    }
  } finally {
    if (!signal.aborted) {
      results.setAttribute("aria-busy", "false");
    }
  }
}

function askPage(offset, signal) {
  const parameters = parametersOf(search);
  parameters.set("limit", PAGE);
  if (offset) {
    parameters.set("offset", offset);
  } else {
    parameters.set("facets", "true");
  }
  return ask("search", parameters, { signal });
}

function showAnswer(answer) {
  put(find("#understood"), makeUnderstood(answer, search));
  put(hits);
  addHits(answer);
  const many = `${count(answer.total)}${answer.total >= MOST_COUNTED ? " or more" : ""}`;
  const noun = search.group ? "group" : "drug";
  const found = `${many} ${noun}${answer.total === 1 ? "" : "s"}`;
  find("#total").textContent = found;
  find("#clear").hidden = !isFiltered(search);
  find("#nothing").hidden = answer.hits.length > 0;
  const made = answer.understood.corrections.map((one) => `${one.taken} for ${one.typed}`);
  announce([`${found} found`, ...made.map((one) => `showing ${one}`)].join(", "));
}

function addHits(answer) {
  const around = { parameters: parametersOf(search), openAlternatives };
  hits.append(...answer.hits.map((hit) => makeHit(hit, around)));
  const next = answer.next_offset;
  put(
    find("#more"),
    next !== null &&
      make("button", { type: "button", class: "wide", onclick: () => showMore(next) }, "Show more"),
  );
}

async function showMore(offset) {
  const { signal } = asking;
  const before = hits.children.length;
  find("#more button").disabled = true;
  try {
    addHits(await askPage(offset, signal));
    hits.children[before]?.querySelector("h3").focus();
    announce(`${hits.children.length - before} more`);
  } catch (problem) {
    if (!signal.aborted) {
      find("#more button").disabled = false;
      showProblem(problem);
    }
  }
}

function showProblem(problem) {
  const place = find("#problem");
  place.hidden = false;
  put(
    place,
    icon("error"),
    make(
      "div",
      {},
      make("strong", {}, problem.message),
      problem.detail && make("p", {}, problem.detail),
    ),
    make("button", { type: "button", onclick: show }, "Try again"),
  );
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  combobox.close();
  start(box.value.trim());
  if (matchMedia("(pointer: coarse)").matches) {
    box.blur(); // The keyboard on the screen would cover what was found.
  }
});

for (const [name, element] of Object.entries(switches)) {
  element.addEventListener("change", () => go({ ...search, [name]: element.checked }));
}

find("#clear").addEventListener("click", () => {
  go(searchFor(search.q, { group: search.group, exact: search.exact }));
  box.focus();
});

// Links to other searches stay within the page.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const wanted = link?.getAttribute("href");
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (plain && (wanted?.startsWith("?") || wanted === "./")) {
    event.preventDefault();
    find("#alternatives").close();
    go(readSearch(wanted.startsWith("?") ? wanted : ""));
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// On a narrow page the filters begin folded.
find("#filters").open = matchMedia("(min-width: 56rem)").matches;

window.addEventListener("popstate", () => {
  // A link within the page is a step back and forth, too.
  if (addressOf(readSearch(location.search)) !== addressOf(search)) {
    show();
  }
});
show();
