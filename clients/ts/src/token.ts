// A token response as it is held: whose it is, and how long it is still good.
import { AuthError } from "./error.js";

/** What the server answers to a sign-in and to a refresh. */
export interface TokenResponse<U> {
  access_token: string;
  CSRF_token?: string;
  /** In Unix seconds. */
  expires: number;
  /** In seconds. */
  expires_in: number;
  user?: U;
}

export interface Held<U> extends TokenResponse<U> {
  /** The session, which tells a late answer from a new one. */
  sid: string;
  /** The user, for whom alone a request may be sent again. */
  sub: string;
  /** When it was received, by the clock of the computer. */
  at: number;
  /** The same moment by the clock that nobody sets. */
  mono: number;
}

export const hold = <U>(response: TokenResponse<U>): Held<U> => {
  try {
    const { sid, sub } = JSON.parse(atob(response.access_token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
    return { ...response, sid, sub, at: Date.now(), mono: performance.now() };
  } catch {
    throw new AuthError("network", 200); // no answer of Sallyport
  }
};

/** The ms that are left, from its life alone: where the clock of the computer stands does not matter. */
export const left = (held: Held<unknown>) =>
  // The wall clock can be set back, the other one may stop while the computer sleeps: the one that went further is right.
  held.expires_in * 1000 - Math.max(Date.now() - held.at, performance.now() - held.mono);
