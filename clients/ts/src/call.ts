// One request to the mount, and what its answer means.
import { AuthError } from "./error.js";

/** Sends JSON, if any, and returns the JSON of a good answer. Every failure is an AuthError. */
export const call = async <T>(send: typeof fetch, url: string, json?: object, method = json ? "POST" : "GET"): Promise<T> => {
  let status = 0;
  try {
    const response = await send(url, {
      method,
      credentials: "include", // the mount may be on a sibling origin
      redirect: "error", // the mount never redirects a call, and CSRF_token is nobody else's
      signal: AbortSignal.timeout(15_000), // a server that hangs must not hang the page
      body: (json && new Blob([JSON.stringify(json)], { type: "application/json" })) as Blob,
    });
    const text = await response.text();
    status = response.status;
    const body = text && JSON.parse(text);
    if (response.ok) return body;
    if (body.code) {
      const { code, detail, ...fields } = body;
      // +null is 0, and a date is NaN: both leave the wait to the caller.
      throw new AuthError(code, status, detail, +response.headers.get("Retry-After")! || undefined, fields);
    }
  } catch (e) {
    if (e instanceof AuthError) throw e;
    // TimeoutError, or AbortError in older browsers.
    if (/out|Ab/.test((e as Error).name)) throw new AuthError("timeout", 0);
  }
  throw new AuthError("network", status);
};
