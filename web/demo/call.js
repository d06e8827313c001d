// Every request of the page is made here, so that none is missing from the log.
import { meaningOf } from "./meanings.js";

const patience = 15_000; // milliseconds

// caller returns a function that makes a request, tells write about it, and returns the status and the
// JSON of the answer. It does not throw: no answer is status 0 with the code "network".
export function caller(write) {
  return async (name, url, { method = "POST", json, form, bearer } = {}) => {
    const headers = {};
    if (json) headers["Content-Type"] = "application/json";
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    const body = json ? JSON.stringify(json) : form && new URLSearchParams(form);
    let answer = { status: 0, body: { code: "network" } };
    try {
      const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(patience) });
      answer = { status: response.status, body: parse(await response.text()) };
    } catch {
      // the answer says so already
    }
    // "error" is RFC 6749 §5.2, where the provider says it.
    answer.code = answer.status === 200 ? "" : answer.body.code ?? answer.body.error ?? "";
    answer.meaning = meaningOf(name, answer);
    write({ method, url: new URL(url, location.href), ...answer });
    return answer;
  };
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // logoff has an empty body, and a proxy may send HTML
  }
}
