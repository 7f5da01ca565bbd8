// A drug in an answer, and what can be opened below it.

import { ask } from "./api.js";
import { icon, make, put } from "./dom.js";
import { showPackages } from "./packages.js";
import { count, counted, matched } from "./words.js";

const WARNINGS = {
  "look-alike": ["warning", "Look-alike"],
  corrected: ["pencil", "Not as typed"],
  obsolete: ["clock", "Obsolete"],
};

/** Class names that an entry shows; it may have six for the same thing. */
const CLASSES = 2;

/** The API gives no larger one. */
const LARGEST_PAGE = 100;

/** Number of panels made, which gives each its own id. */
let panels = 0;

/**
 * Make the entry of a hit.
 *
 * @param {object} hit - as the API has it.
 * @param {{parameters: URLSearchParams, openAlternatives: (hit: object) => void}} around - the
 *   search that found it, and what shows alternatives.
 */
export function makeHit(hit, around) {
  const packages = opened(
    [icon("box"), counted(hit.packages, "package")],
    (panel) => showPackages(panel, hit.id),
    `Packages of ${hit.display}`,
  );
  const group =
    hit.more > 0 &&
    opened(
      [`${count(hit.more)} more of ${hit.ingredients.join(", ") || hit.generic}`],
      (panel) => showGroup(panel, hit, around),
    );
  const actions = [
    packages.button,
    make(
      "button",
      {
        type: "button",
        class: "action",
        "aria-haspopup": "dialog",
        "aria-label": `Alternatives to ${hit.display}`,
        onclick: () => around.openAlternatives(hit),
      },
      icon("swap"),
      "Alternatives",
    ),
    group && group.button,
  ];
  return make(
    "li",
    { class: "hit" },
    make(
      "article",
      { "aria-label": hit.display },
      heading(hit),
      describe(hit),
      warningsOf(hit),
      explain(hit),
      make("div", { class: "actions" }, actions),
      packages.panel,
      group && group.panel,
    ),
  );
}

/** Make the short entry that a drug has among alternatives. */
export function makeShortHit(hit) {
  return make(
    "li",
    { class: "short-hit" },
    make("a", { href: `?${new URLSearchParams({ q: hit.name })}` }, hit.display),
    badges(hit),
    make(
      "p",
      { class: "muted" },
      [hit.brand ? hit.generic : "", hit.strength, hit.form, counted(hit.packages, "package")]
        .filter(Boolean)
        .join(" · "),
    ),
    warningsOf(hit),
  );
}

function heading(hit) {
  return make(
    "div",
    { class: "hit-head" },
    make("h3", { tabindex: "-1" }, highlighted(hit)),
    badges(hit),
  );
}

/** Give the name in tall-man letters with what matched set off. */
function highlighted(hit) {
  // Places count characters, not JavaScript's halves of them.
  const letters = Array.from(hit.display);
  if (letters.length !== Array.from(hit.name).length) {
    return [hit.display];
  }
  const parts = [];
  let done = 0;
  for (const [start, end] of hit.highlights) {
    parts.push(letters.slice(done, start).join(""));
    parts.push(make("mark", {}, letters.slice(start, end).join("")));
    done = end;
  }
  return [...parts, letters.slice(done).join("")];
}

function badges(hit) {
  const kind = hit.kind === "brand" ? "Brand" : "Generic";
  return make(
    "span",
    { class: "badges" },
    hit.schedule && make("span", { class: "badge schedule" }, `DEA ${hit.schedule}`),
    make("span", { class: `badge ${hit.kind}` }, kind),
    hit.status === "obsolete" && make("span", { class: "badge obsolete" }, "Obsolete"),
  );
}

function describe(hit) {
  const facts = [
    ["Generic", hit.generic],
    ["Strength", hit.strength],
    ["Form", hit.form],
    ["Route", hit.route.join(", ")],
    ["Class", hit.class.slice(0, CLASSES).join(" · ")],
  ];
  return make(
    "dl",
    { class: "facts" },
    facts
      .filter(([, value]) => value)
      .map(([name, value]) =>
        make(
          "div",
          { class: `fact-${name.toLowerCase()}` },
          make("dt", {}, name),
          make("dd", {}, value),
        ),
      ),
  );
}

function warningsOf(hit) {
  if (!hit.warnings.length) {
    return null;
  }
  return make(
    "ul",
    { class: "warnings" },
    hit.warnings.map((one) => {
      const [sign, label] = WARNINGS[one.kind] ?? ["warning", "Warning"];
      return make(
        "li",
        { class: `warning ${one.kind}` },
        icon(sign),
        make("span", {}, make("strong", {}, `${label}: `), one.message),
      );
    }),
  );
}

function explain(hit) {
  const classes = hit.class.slice(CLASSES);
  return make(
    "details",
    { class: "why" },
    make("summary", {}, `Found by ${matched(hit.match)}`),
    make(
      "ul",
      {},
      hit.why.map((reason) => make("li", {}, reason)),
      make("li", {}, `score ${hit.score.toFixed(2)} of 1`),
      classes.length > 0 && make("li", {}, `further classes: ${classes.join(", ")}`),
    ),
  );
}

/** Make a button and the panel that it opens, which is filled when it is opened first. */
function opened(label, fillPanel, name) {
  panels += 1;
  const panel = make("div", { id: `panel-${panels}`, class: "panel", hidden: true });
  let filled = false;
  const button = make(
    "button",
    {
      type: "button",
      class: "action",
      "aria-expanded": "false",
      "aria-controls": panel.id,
      "aria-label": name,
    },
    label,
    icon("chevron"),
  );
  button.addEventListener("click", async () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
    if (filled || panel.hidden) {
      return;
    }
    filled = true;
    put(panel, make("p", { class: "muted", role: "status" }, "Loading…"));
    try {
      await fillPanel(panel);
    } catch (problem) {
      filled = false; // Opened again, it asks again.
      put(panel, make("p", { role: "alert" }, `${problem.message}. ${problem.detail ?? ""}`));
    }
  });
  return { button, panel };
}

async function showGroup(panel, hit, around) {
  const parameters = new URLSearchParams(around.parameters);
  parameters.delete("group");
  for (const one of hit.ingredients) {
    parameters.append("composition", one);
  }
  parameters.set("limit", LARGEST_PAGE);
  const others = [];
  for (let next = 0; next !== null && others.length < hit.more; ) {
    parameters.set("offset", next);
    const answer = await ask("search", parameters);
    others.push(...answer.hits.filter((one) => one.id !== hit.id));
    next = answer.next_offset;
  }
  put(
    panel,
    make(
      "ul",
      { class: "hits" },
      others.map((one) => makeHit(one, around)),
    ),
  );
}
