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
    answer.code = answer.status >= 200 && answer.status < 300 ? "" : answer.body.code ?? answer.body.error ?? "";
    answer.meaning = meaningOf(name, answer);
    write({ method, url: new URL(url, location.href), ...answer });
    return answer;
  };
}

// logged is the fetch of the client: the page's own, with every request of it in the log.
export function logged(mount, write) {
  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const name = url.pathname.startsWith(`${mount}/`) ? url.pathname.slice(mount.length + 1).replace(/\/.*$/, "") : url.pathname.slice(1);
    const answer = { status: 0, body: { code: "network" }, code: "network" };
    try {
      const response = await fetch(request);
      answer.status = response.status;
      answer.body = parse(await response.clone().text());
      answer.code = response.ok ? "" : answer.body.code ?? "";
      return response;
    } finally {
      answer.meaning = meaningOf(name, answer);
      write({ method: request.method, url, ...answer });
    }
  };
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // logoff has an empty body, and a proxy may send HTML
  }
}
