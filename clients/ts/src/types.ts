// What an app sees of the client.
import type { AuthError } from "./error.js";

/** How createAuth is told about its surroundings. Everything has a default. */
export interface AuthOptions {
  /** Where Sallyport is mounted. Default "/auth". */
  baseURL?: string;
  /** Further origins that may be sent the access token. The page's and the mount's always may. */
  apiOrigins?: readonly string[];
  /** How many ms before its end a token is renewed. Default 30,000; never more than a third of the token's life. */
  leeway?: number;
  /** How many ms to wait for the refresh of another tab. Default 5,000; 0 never waits. */
  lockTimeout?: number;
  /** In place of the global fetch. */
  fetch?: typeof fetch;
  /** In place of location.assign. */
  onRedirect?: (url: string) => void;
}

/** What the configured user view returns. */
export type User = { id: string } & Record<string, unknown>;

export type Status = "unknown" | "signed-in" | "signed-out";

/** The state at one moment. It stays the same object until something changes. */
export interface Snapshot<U> {
  readonly status: Status;
  /** null while signed out, and when the server has no user view configured. */
  readonly user: U | null;
  /** The server is out of reach: what is known is from before. */
  readonly stale: boolean;
}

export type AuthEvent = "signed-in" | "refreshed" | "signed-out" | "expired" | "offline" | "online";

/** The session of this browser. Every promise rejects with an {@link AuthError} when the server refuses or is out of reach. */
export interface Auth<U> {
  /** Resolves once the state is known: other tabs are asked first, then the server. In an outage it waits. */
  ready(): Promise<Snapshot<U>>;
  getSnapshot(): Snapshot<U>;
  /** Calls the listener after every change of the snapshot. The first subscriber has the state found out. */
  subscribe(listener: () => void): () => void;
  on(listener: (event: AuthEvent, snapshot: Snapshot<U>) => void): () => void;
  signIn(credentials: { username: string; password: string }): Promise<U | null>;
  /** Signs in with the ID token of a provider, which the page has obtained itself. */
  exchange(tokens: IdpTokens): Promise<U | null>;
  /** Leaves for the provider's own page; the way back leads to returnTo, by default to this very page. */
  redirect(provider: string, returnTo?: string): void;
  /** Resolves also in an outage: the browser then tells the server as soon as it can, and signs nobody in before. */
  signOut(options?: { scope?: "this" | "others" | "all" }): Promise<void>;
  /** An access token that is good for minTTL ms, as far as tokens live that long; null when signed out. */
  getAccessToken(options?: { minTTL?: number; forceRefresh?: boolean }): Promise<string | null>;
  /** fetch with the access token, which is sent to the allowed origins only. */
  readonly fetch: typeof fetch;
  refresh(): Promise<Snapshot<U>>;
  changePassword(passwords: { current_password: string; new_password: string }): Promise<void>;
  readonly sessions: { list(): Promise<Session[]>; revoke(id: string): Promise<void> };
  /** Stops timers, listeners and the talk with other tabs. */
  dispose(): void;
}

export interface IdpTokens {
  id_token: string;
  access_token?: string;
  refresh_token?: string;
  expires_in?: number;
  token_type?: string;
  nonce?: string;
}

export interface Session {
  id: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  provider: string;
  user_agent: string;
  ip: string;
  current: boolean;
}
