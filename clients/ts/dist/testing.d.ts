import type { Auth, IdpTokens, Session, User } from "./index.js";
export interface FakeAuth<U> extends Auth<U> {
    /** Somebody is signed in, here or in another tab. */
    becomeSignedIn(user: U | null): void;
    /** Nobody is: the user left, or ("expired") the server ended the session. */
    becomeSignedOut(event?: "signed-out" | "expired"): void;
    becomeOffline(): void;
    becomeOnline(): void;
    /** The next call that goes to the server is refused: `failNext("invalid_credentials", 401)`. */
    failNext(code: string, status: number, more?: {
        retryAfter?: number;
        fields?: Record<string, string[]>;
    }): void;
    /** What the app has asked for, oldest first: `{ call: "redirect", with: ["google"] }`. */
    readonly calls: {
        call: string;
        with: unknown[];
    }[];
}
export interface FakeOptions<U> {
    /** Who is signed in at first; null for nobody, undefined for not known yet. */
    user?: U | null;
    /** Who signs in with these credentials or tokens. Default: the given user, else one with id "fake". */
    signIn?: (credentials: {
        username: string;
        password: string;
    } | IdpTokens) => U;
    sessions?: Session[];
    /** Further origins that are sent the token, as in AuthOptions. Default: the page's, if there is a page. */
    apiOrigins?: readonly string[];
    /** Answers auth.fetch. Default: the global fetch. To the allowed origins "Bearer fake" is added. */
    fetch?: typeof fetch;
}
export declare function fakeAuth<U = User>(options?: FakeOptions<U>): FakeAuth<U>;
