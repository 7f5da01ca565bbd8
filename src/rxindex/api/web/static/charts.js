// The charts of the operators' page: what runs did, the oldest at the left.

import { makeChart } from "./chart.js";
import { make } from "./dom.js";
import { count, duration, moment, rounded, shortly } from "./words.js";

/** Stand above the bars of runs that did not do all they were to do. */
const OUTCOMES = { failed: "×", stopped: "‖", held: "!" };

/** Make the charts of runs, which are given oldest first. */
export function makeCharts(runs) {
  if (!runs.length) {
    return make("p", { class: "muted" }, "No run is on record yet.");
  }
  const rate = (run) => `${rounded(run.drugs_per_second)} drugs/s`;
  const took = (run) => duration(run.duration);
  return [
    makeChart("rate", "Drugs a second", bars(runs, ["drugs_per_second"], rate), rounded),
    makeChart("took", "Duration", bars(runs, ["duration"], took), shortly),
    stacked("changes", "Drugs written and deleted", runs, ["written", "deleted"]),
    stacked("failures", "Drugs failed and quarantined", runs, ["failed", "quarantined"]),
  ];
}

function stacked(id, title, runs, names) {
  const say = (run) => names.map((name) => `${count(run[name])} ${name}`).join(", ");
  const legend = names.map((name) => ({ kind: name, name }));
  return makeChart(id, title, bars(runs, names, say), rounded, legend);
}

/** Make a bar for each run, of the counts with these names. */
function bars(runs, names, say) {
  return runs.map((run) => ({
    label: `${moment(run.started)}, ${run.command}, ${run.outcome}: ${say(run)}`,
    parts: names.map((kind) => ({ value: run[kind], kind })),
    sign: OUTCOMES[run.outcome],
  }));
}
