// An Auth for the tests of an app: no server, no timer, no storage. The test says what happens.
import { AuthError } from "./index.js";
import type { Auth, AuthEvent, IdpTokens, Session, Snapshot, Status, User } from "./index.js";

export interface FakeAuth<U> extends Auth<U> {
  /** Somebody is signed in, here or in another tab. */
  becomeSignedIn(user: U | null): void;
  /** Nobody is: the user left, or ("expired") the server ended the session. */
  becomeSignedOut(event?: "signed-out" | "expired"): void;
  becomeOffline(): void;
  becomeOnline(): void;
  /** The next call that goes to the server is refused: `failNext("invalid_credentials", 401)`. */
  failNext(code: string, status: number, more?: { retryAfter?: number; fields?: Record<string, string[]> }): void;
  /** What the app has asked for, oldest first: `{ call: "redirect", with: ["google"] }`. */
  readonly calls: { call: string; with: unknown[] }[];
}

export interface FakeOptions<U> {
  /** Who is signed in at first; null for nobody, undefined for not known yet. */
  user?: U | null;
  /** Who signs in with these credentials or tokens. Default: the given user, else one with id "fake". */
  signIn?: (credentials: { username: string; password: string } | IdpTokens) => U;
  sessions?: Session[];
  /** Further origins that are sent the token, as in AuthOptions. Default: the page's, if there is a page. */
  apiOrigins?: readonly string[];
  /** Answers auth.fetch. Default: the global fetch. To the allowed origins "Bearer fake" is added. */
  fetch?: typeof fetch;
}

export function fakeAuth<U = User>(options: FakeOptions<U> = {}): FakeAuth<U> {
  const subscribers = new Set<() => void>();
  const listeners = new Set<(event: AuthEvent, snapshot: Snapshot<U>) => void>();
  const calls: FakeAuth<U>["calls"] = [];
  let sessions = options.sessions ?? [];
  let refusal: AuthError | undefined;
  let snapshot: Snapshot<U> = {
    status: options.user === undefined ? "unknown" : options.user === null ? "signed-out" : "signed-in",
    user: options.user ?? null,
    stale: false,
  };

  function become(status: Status, user: U | null, stale: boolean, event?: AuthEvent): void {
    if (event === "signed-out" && snapshot.status === "signed-out") event = undefined;
    if (JSON.stringify({ status, user, stale }) !== JSON.stringify(snapshot)) {
      snapshot = { status, user, stale };
      for (const one of [...subscribers]) safely(one);
    }
    if (event) for (const one of [...listeners]) safely(() => one(event, snapshot));
  }

  function safely(listener: () => void): void {
    try {
      listener();
    } catch (e) {
      globalThis.reportError?.(e);
    }
  }

  async function server(call: string, ...args: unknown[]): Promise<void> {
    calls.push({ call, with: args });
    const refused = refusal ?? (snapshot.stale ? new AuthError("network", 0) : undefined);
    refusal = undefined;
    if (refused) throw refused;
  }

  async function enter(call: string, from: { username: string; password: string } | IdpTokens): Promise<U | null> {
    await server(call, from);
    const user = options.signIn ? options.signIn(from) : (options.user ?? ({ id: "fake" } as U));
    become("signed-in", user, false, "signed-in");
    return user;
  }

  const ready = async (): Promise<Snapshot<U>> => {
    while (snapshot.status === "unknown") {
      await new Promise<void>((done) => {
        const off = auth.subscribe(() => (off(), done()));
      });
    }
    return snapshot;
  };

  const auth: FakeAuth<U> = {
    calls,
    becomeSignedIn: (user) => become("signed-in", user, false, "signed-in"),
    becomeSignedOut: (event = "signed-out") => become("signed-out", null, false, event),
    becomeOffline: () => become(snapshot.status, snapshot.user, true, "offline"),
    becomeOnline: () => become(snapshot.status, snapshot.user, false, "online"),
    failNext(code, status, more) {
      refusal = new AuthError(code, status, code, more?.retryAfter, more?.fields);
    },
    ready,
    getSnapshot: () => snapshot,
    subscribe(listener) {
      const mine = () => listener();
      subscribers.add(mine);
      return () => void subscribers.delete(mine);
    },
    on(listener) {
      const mine: typeof listener = (event, now) => listener(event, now);
      listeners.add(mine);
      return () => void listeners.delete(mine);
    },
    signIn: (credentials) => enter("signIn", credentials),
    exchange: (tokens) => enter("exchange", tokens),
    redirect(provider, returnTo) {
      calls.push({ call: "redirect", with: returnTo === undefined ? [provider] : [provider, returnTo] });
    },
    async signOut(how = {}) {
      const told = server("signOut", how);
      if (how.scope === "others") return told;
      become("signed-out", null, false, "signed-out");
      await told.catch((e: AuthError) => {
        if (!e.transient) throw e; // else the real one tells the server later
      });
    },
    async getAccessToken() {
      return (await ready()).status === "signed-in" ? "fake" : null;
    },
    async fetch(input, init) {
      const request = new Request(input, init);
      const allowed = [globalThis.location?.origin, ...(options.apiOrigins ?? [])].includes(new URL(request.url).origin);
      if (allowed && (await ready()).status === "signed-in") request.headers.set("Authorization", "Bearer fake");
      return (options.fetch ?? fetch)(request);
    },
    async refresh() {
      await server("refresh");
      if (snapshot.status === "signed-in") become("signed-in", snapshot.user, false, "refreshed");
      return snapshot;
    },
    changePassword: (passwords) => server("changePassword", passwords),
    sessions: {
      async list() {
        await server("sessions.list");
        return sessions;
      },
      async revoke(id) {
        await server("sessions.revoke", id);
        const current = sessions.some((session) => session.id === id && session.current);
        sessions = sessions.filter((session) => session.id !== id);
        if (current) become("signed-out", null, false, "signed-out");
      },
    },
    dispose() {
      subscribers.clear();
      listeners.clear();
    },
  };
  return auth;
}
