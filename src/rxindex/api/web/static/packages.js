// The packages of a drug.

import { ask } from "./api.js";
import { make, put } from "./dom.js";
import { makeTable } from "./table.js";
import { count, ndc } from "./words.js";

/** Rows that are shown at first: some drugs have thousands of packages. */
const FIRST = 50;

const COLUMNS = ["NDC", "Labeler", "Size", "Package", "Since", "Until", "Status"];

/** Read a drug's packages and show them in a table, those that are marketed first. */
export async function showPackages(panel, drugId) {
  const drug = await ask(`drugs/${encodeURIComponent(drugId)}`);
  const packages = drug.packages.toSorted(
    (one, other) => Number(one.status === "obsolete") - Number(other.status === "obsolete"),
  );
  const body = make("tbody", {}, packages.slice(0, FIRST).map(row));
  const left = packages.length - FIRST;
  const more =
    left > 0 &&
    make(
      "button",
      {
        type: "button",
        class: "action",
        onclick: (event) => {
          body.append(...packages.slice(FIRST).map(row));
          event.target.remove();
        },
      },
      `Show ${count(left)} more`,
    );
  put(panel, makeTable(`Packages of ${drug.display}`, COLUMNS, body), more);
}

function row(one) {
  return make(
    "tr",
    { class: one.status },
    make("th", { scope: "row", class: "code" }, ndc(one.ndc)),
    [one.labeler, one.size, one.description].map((value) => make("td", {}, value)),
    [one.start, one.end].map((day) => make("td", { class: "date" }, day)),
    make("td", {}, one.status),
  );
}
