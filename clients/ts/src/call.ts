// One request to the mount, and what its answer means.
import { AuthError } from "./error.js";

// A server that hangs must not hang the page.
const limit = 15_000;

/** Sends JSON, if any, and returns the JSON of a good answer. Every failure is an AuthError. */
export async function call<T>(send: typeof fetch, url: string, json?: object, method = json ? "POST" : "GET"): Promise<T> {
  let status = 0;
  try {
    const response = await send(url, {
      method,
      credentials: "include", // the mount may be on a sibling origin
      redirect: "error", // the mount never redirects a call, and CSRF_token is nobody else's
      signal: AbortSignal.timeout(limit),
      ...(json && { body: JSON.stringify(json), headers: { "Content-Type": "application/json" } }),
    });
    const text = await response.text();
    status = response.status;
    const body = text && JSON.parse(text);
    if (response.ok) return body;
    if (body.code) {
      const { code, detail, ...fields } = body;
      // Number(null) is 0, and a date is NaN: both leave the wait to the caller.
      throw new AuthError(code, status, detail, Number(response.headers.get("Retry-After")) || undefined, fields);
    }
  } catch (e) {
    if (e instanceof AuthError) throw e;
    if (/^(Timeout|Abort)/.test((e as Error).name)) throw new AuthError("timeout", 0);
  }
  throw new AuthError("network", status);
}
