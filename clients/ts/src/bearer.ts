// fetch with the access token.
import { AuthError } from "./error.js";
import type { Held } from "./token.js";

/**
 * held is what is held at this moment, good or not; current gets a good one, or undefined when signed out; renew gets
 * another one.
 */
export const bearerFetch =
  (
    send: typeof fetch,
    origins: ReadonlySet<string | undefined>,
    held: () => Held<unknown> | undefined,
    current: () => Promise<Held<unknown> | undefined>,
    renew: () => Promise<unknown>,
  ): typeof fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    if (!origins.has(new URL(request.url).origin) || request.headers.has("Authorization")) return send(request);
    // A stream can be read once.
    const again = init?.body instanceof ReadableStream ? undefined : request.clone();
    const began = held()?.sub;
    // What others wait for too goes on when this one has lost interest.
    const used = await new Promise<Held<unknown> | undefined>((resolve, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
      current().then(resolve, reject);
    });
    if (!used) return send(request);
    if (began && began !== used.sub) throw new AuthError("session_revoked", 401); // what one user began is not done in the name of another
    const bear = (r: Request, token: string) => {
      r.headers.set("Authorization", `Bearer ${token}`);
      return send(r);
    };
    const response = await bear(request, used.access_token);
    // A service of another origin may not let this header be read: it is null.
    if (response.status !== 401 || !again || !/null|invalid_token/.test(response.headers.get("WWW-Authenticate") as string)) return response;
    if (held()?.access_token === used.access_token) await renew().catch(() => {}); // then the refusal is the answer
    const fresh = held();
    return fresh && fresh.sub === used.sub && fresh.access_token !== used.access_token ? bear(again, fresh.access_token) : response;
  };
