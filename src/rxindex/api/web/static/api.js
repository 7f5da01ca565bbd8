// Asks the API, by addresses relative to the page's.

import { askForKey } from "./key.js";

/** Milliseconds; the server itself gives up earlier. */
const PATIENCE = 15_000;
const KEY = "rxindex-api-key";

/** What went wrong, in the words of the API (RFC 9457) where it had any. */
export class Problem extends Error {
  /**
   * @param {string} title - what happened.
   * @param {string} detail - what to do, or empty.
   * @param {number} status - of HTTP, or 0 where there was no answer.
   */
  constructor(title, detail = "", status = 0) {
    super(title);
    this.detail = detail;
    this.status = status;
  }
}

/**
 * Ask for something.
 *
 * @param {string} path - relative: `search`.
 * @param {URLSearchParams} parameters
 * @param {{signal?: AbortSignal, quiet?: boolean}} options - `quiet`: don't ask for a key where
 *   one is missing, for what nobody waits for.
 * @returns {Promise<any>} the answer's JSON.
 * @throws {Problem} for anything but an answer; what `signal` ends throws an AbortError.
 */
export async function ask(path, parameters, { signal, quiet = false } = {}) {
  const address = new URL(path, document.baseURI);
  address.search = parameters ?? "";
  let response = await send(address, signal);
  while (response.status === 401 && !quiet) {
    const refused = sessionStorage.getItem(KEY) !== null;
    const key = await askForKey(refused);
    if (key === null) {
      break;
    }
    sessionStorage.setItem(KEY, key);
    response = await send(address, signal);
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.json();
}

async function send(address, signal) {
  const key = sessionStorage.getItem(KEY);
  const headers = { Accept: "application/json" };
  if (key !== null) {
    headers.Authorization = `Bearer ${key}`;
  }
  const ended = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(address, {
      headers,
      signal: signal ? AbortSignal.any([signal, ended]) : ended,
    });
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw new Problem(
      "The server does not answer",
      "Look whether this device is connected, then try again.",
    );
  }
}

async function problemOf(response) {
  let told = {};
  if (response.headers.get("Content-Type")?.includes("json")) {
    told = await response.json();
  }
  const title = TITLES[response.status] ?? told.title ?? "The server could not answer";
  const wait = response.headers.get("Retry-After");
  const again = wait ? `Try again in ${wait} s.` : "";
  const detail = [sentence(told.detail), again].filter(Boolean).join(" ");
  return new Problem(title, detail, response.status);
}

/** Make a sentence of a detail, which the API writes without a capital and a full stop. */
function sentence(text) {
  if (typeof text !== "string" || !text) {
    return "";
  }
  const end = /[.!?]$/.test(text) ? "" : ".";
  return text[0].toUpperCase() + text.slice(1) + end;
}

const TITLES = {
  401: "An API key is needed",
  403: "This API key is not allowed to do that",
  404: "There is no such thing in the catalogue",
  422: "This can't be searched for",
  429: "Too many searches in a short time",
  503: "The service can't answer at the moment",
  504: "This took too long",
};
