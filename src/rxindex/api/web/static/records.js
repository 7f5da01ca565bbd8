// The tables of the operators' page.

import { icon, make } from "./dom.js";
import { makeTable } from "./table.js";
import { bytes, count, duration, moment, rounded } from "./words.js";

/** How good an outcome is. */
export const SIGNS = { completed: "good", held: "caution", stopped: "caution", failed: "bad" };

export const SIGN_ICONS = { good: "check", caution: "warning", bad: "error" };

/** Make the table of generations, with the settings that were asked for and those in effect. */
export function makeGenerations(generations) {
  if (!generations.length) {
    return make("p", { class: "muted" }, "Nothing is indexed yet: run rxindex sync.");
  }
  const columns = [
    "Generation", "Drugs", "Model", "Asked for", "In effect", "Vectors", "Built", "Indexing errors",
  ];
  return makeTable("Index settings", columns, rows(generations, (one) => [
    [one.name, one.live && make("span", { class: "badge generic" }, "live")],
    count(one.drugs),
    `${one.model}, ${one.dimensions} dimensions`,
    one.asked,
    isAsAsked(one) ? one.in_effect : state("caution", one.in_effect),
    bytes(one.vector_memory),
    moment(one.created),
    one.failures ? state("bad", `${count(one.failures)} ${one.last_failure}`) : "none",
  ]));
}

/** Tell whether all that was asked for is in effect; `auto` leaves the choice to rxindex. */
function isAsAsked({ asked, in_effect: found }) {
  const effective = new Set(found.split(" "));
  return asked.split(" ").every((word) => word === "auto" || effective.has(word));
}

/** Make the table of runs, newest first. */
export function makeRuns(runs) {
  if (!runs.length) {
    return make("p", { class: "muted" }, "No run is on record yet.");
  }
  const columns = [
    "Started", "Command", "Outcome", "Took", "Drugs", "Drugs/s", "Added", "Updated", "Metadata",
    "Deleted", "Failed", "Quarantined", "Embedded", "Error",
  ];
  return makeTable("Last runs", columns, rows(runs, (run) => [
    moment(run.started),
    run.command,
    state(SIGNS[run.outcome], run.outcome),
    duration(run.duration),
    count(run.total_processed),
    rounded(run.drugs_per_second),
    count(run.added),
    count(run.updated),
    count(run.metadata_only),
    count(run.deleted),
    count(run.failed),
    count(run.quarantined),
    count(run.embedding_calls),
    run.error ? `${run.error}: ${run.reason}` : "",
  ]));
}

/** Make the table of what is in quarantine, the latest failure first. */
export function makeQuarantine(entries, many) {
  if (!many) {
    return make("p", { class: "muted" }, "Nothing is in quarantine.");
  }
  const columns = ["Drug", "NDC", "Reason", "Attempts", "First", "Last", "Next attempt"];
  const left = many - entries.length;
  return [
    makeTable("Quarantine", columns, rows(entries, (one) => [
      one.name,
      one.ndc,
      `${one.error}: ${one.reason}`,
      count(one.attempts),
      moment(one.first),
      moment(one.last),
      one.retry_after ? moment(one.retry_after) : "with the next run",
    ])),
    left > 0 && make("p", { class: "muted" }, `and ${count(left)} more: rxindex quarantine list`),
  ];
}

function rows(records, cellsOf) {
  return make(
    "tbody",
    {},
    records.map((record) => {
      const [head, ...cells] = cellsOf(record);
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, head),
        cells.map((cell) => make("td", {}, cell)),
      );
    }),
  );
}

function state(sign, text) {
  return make("span", { class: `state ${sign}` }, icon(SIGN_ICONS[sign]), text);
}
