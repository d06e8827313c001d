// fetch with the access token.
import { AuthError } from "./error.js";
import type { Held } from "./token.js";

/** Where the tokens come from. */
export interface Source {
  /** What is held at this moment, good or not. */
  held(): Held<unknown> | undefined;
  /** A good one; undefined when signed out. */
  current(): Promise<Held<unknown> | undefined>;
  renew(): Promise<void>;
}

export function bearerFetch(send: typeof fetch, origins: ReadonlySet<string>, source: Source): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    if (!origins.has(new URL(request.url).origin) || request.headers.has("Authorization")) return send(request);
    // A stream can be read once.
    const again = init?.body instanceof ReadableStream ? undefined : request.clone();
    const began = source.held();
    const used = await unlessAborted(request.signal, source.current());
    if (!used) return send(request);
    if (began && began.sub !== used.sub) throw new AuthError("session_revoked", 401); // what one user began is not done in the name of another
    const bear = (r: Request, token: string) => {
      r.headers.set("Authorization", `Bearer ${token}`);
      return send(r);
    };
    const response = await bear(request, used.access_token);
    // A service of another origin may not let this header be read.
    if (response.status !== 401 || !again || !/^$|invalid_token/.test(response.headers.get("WWW-Authenticate") ?? "")) return response;
    if (source.held()?.access_token === used.access_token) {
      try {
        await unlessAborted(request.signal, source.renew());
      } catch {
        request.signal.throwIfAborted();
      }
    }
    const fresh = source.held();
    return fresh && fresh.sub === used.sub && fresh.access_token !== used.access_token ? bear(again, fresh.access_token) : response;
  };
}

/** Waits for work that goes on for others when this one has lost interest. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    work.then(resolve, reject);
  });
}
