// The operators' page: what the service tells of itself, read again every half minute.

import { ask } from "./api.js";
import { makeCharts } from "./charts.js";
import { icon, make, put } from "./dom.js";
import { makeGenerations, makeQuarantine, makeRuns, SIGN_ICONS, SIGNS } from "./records.js";
import { bytes, count, counted, duration, moment } from "./words.js";

/** Milliseconds. */
const EVERY = 30_000;

const find = (selector) => document.querySelector(selector);
let timer = 0;
let paused = false;

async function refresh() {
  clearTimeout(timer);
  try {
    const [status, ready] = await Promise.all([ask("status"), isReady()]);
    show(status, ready);
    find("#problem").hidden = true;
    find("#read").textContent = `Read ${moment(new Date())}`;
  } catch (problem) {
    showProblem(problem);
  }
  if (!paused) {
    timer = setTimeout(refresh, EVERY);
  }
}

async function isReady() {
  try {
    await ask("health/ready");
    return true;
  } catch {
    return false;
  }
}

function show(status, ready) {
  put(find("#tiles"), tiles(status, ready));
  put(find("#generations"), makeGenerations(status.generations));
  put(find("#charts"), makeCharts(status.runs.toReversed()));
  put(find("#runs"), makeRuns(status.runs));
  put(find("#quarantine"), makeQuarantine(status.quarantined, status.quarantine));
  find("#shown").hidden = false;
}

function tiles(status, ready) {
  const { redis } = status;
  const memory = redis.max_memory ? ` of ${bytes(redis.max_memory)}` : "";
  const search = `search ${redis.search_version}, ${counted(redis.workers, "worker")}`;
  return [
    tile("Service", ready ? "ready" : "not ready", status.version, ready ? "good" : "bad"),
    drugsTile(status),
    tile(
      "Newest data",
      status.data_age === null ? "unknown" : `${duration(status.data_age)} old`,
      "since the index held all that the source held",
    ),
    lastRunTile(status.last_run),
    workTile(status.lease),
    status.follow && followTile(status.follow),
    quarantineTile(status.quarantine),
    tile("Redis", bytes(redis.memory) + memory, `version ${redis.version}, ${search}`),
  ];
}

function drugsTile({ catalogue, generations }) {
  const live = generations.find((one) => one.live);
  return live
    ? tile("Drugs", count(live.drugs), `${catalogue}, generation ${live.name}`, "good")
    : tile("Drugs", "none", "nothing is indexed yet", "bad");
}

function lastRunTile(run) {
  return run
    ? tile("Last run", run.outcome, `${run.command}, ${moment(run.ended)}`, SIGNS[run.outcome])
    : tile("Last run", "none", "no run is on record");
}

function workTile(lease) {
  return lease
    ? tile(
        "At work",
        lease.command,
        `process ${lease.pid} on ${lease.host}, since ${moment(lease.since)}`,
      )
    : tile("At work", "nobody", "no run holds the lease");
}

function followTile({ state, lag }) {
  return tile("Follower", state, `lag ${duration(lag)}`, state === "in step" ? "good" : "bad");
}

function quarantineTile(many) {
  const value = many ? counted(many, "entry", "entries") : "empty";
  return tile("Quarantine", value, "what failed by itself", many ? "caution" : "good");
}

function tile(name, value, says, sign) {
  return make(
    "div",
    { class: `tile ${sign ?? ""}` },
    make("dt", {}, name),
    make("dd", {}, sign && icon(SIGN_ICONS[sign]), value),
    make("dd", { class: "muted" }, says),
  );
}

function showProblem(problem) {
  const place = find("#problem");
  place.hidden = false;
  const still = find("#shown").hidden ? "" : " What is shown below was read before.";
  put(
    place,
    icon("error"),
    make("div", {}, make("strong", {}, problem.message), make("p", {}, problem.detail + still)),
  );
}

find("#now").addEventListener("click", refresh);
find("#pause").addEventListener("click", (event) => {
  paused = !paused;
  event.currentTarget.setAttribute("aria-pressed", String(paused));
  clearTimeout(timer);
  if (!paused) {
    refresh();
  }
});
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden && !paused) {
    refresh();
  }
});
refresh();
