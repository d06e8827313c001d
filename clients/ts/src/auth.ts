// The session of this browser: who is signed in, when its token is renewed, and what ends it.
import { bearerFetch } from "./bearer.js";
import { call } from "./call.js";
import { AuthError } from "./error.js";
import { locked } from "./lock.js";
import { forget, remember, remembered } from "./remember.js";
import { hold, left, within, type Held, type TokenResponse } from "./token.js";
import type { Auth, AuthEvent, AuthOptions, Session, Snapshot, Status, User } from "./types.js";

/** What the tabs of one mount tell each other. */
type Message<U> =
  | { ask: true }
  | { held: TokenResponse<U>; at: number }
  | { out: string | undefined; event: AuthEvent };

/** The only answers that end a session: what the server says of the refresh token itself. */
const ends = /^(no_refresh_token|refresh_token_(expired|reused)|session_revoked)$/;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

export function createAuth<U = User>(options: AuthOptions = {}): Auth<U> {
  const { leeway = 30_000, lockTimeout = 5_000 } = options;
  const page = globalThis.document; // undefined on a server, where nothing is started
  const path = (options.baseURL ?? "/auth").replace(/\/*$/, "/");
  const mount = page ? new URL(path, location.href).href : path;
  const key = "sallyport:" + mount; // of the channel, the lock and the remembered sign-out: mounts do not mix
  const origins = new Set(page && [location.origin, new URL(mount).origin, ...(options.apiOrigins ?? [])]);
  const send: typeof fetch = (input, init) => (options.fetch ?? fetch)(input, init);

  const subscribers = new Set<() => void>();
  const listeners = new Set<(event: AuthEvent, snapshot: Snapshot<U>) => void>();
  const stop = new AbortController();
  const ended = new Set<string>(); // sessions that are over: late news of them is no news
  let snapshot: Snapshot<U> = { status: "unknown", user: null, stale: false };
  let held: Held<U> | undefined;
  let lead = 0; // how long before its end the held token is renewed by the timer
  let epoch = 0; // counts changes of the session: a result from before one is dropped
  let failure: AuthError | undefined; // of the last attempt
  let failures = 0; // in a row
  let retryAt = 0; // when to try again, by performance.now(); until then nobody is asked
  let renewing: Promise<void> | undefined;
  let finishing: Promise<void> | undefined;
  let starting: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting: (() => void)[] = []; // for the next change or the end of an attempt

  // --- telling ---

  function each<A extends unknown[]>(set: Set<(...args: A) => void>, ...args: A): void {
    for (const listener of [...set]) {
      try {
        listener(...args); // never awaited: whatever it calls must not wait for itself
      } catch (e) {
        reportError(e);
      }
    }
  }

  function publish(status: Status, user: U | null, stale: boolean, event?: AuthEvent): void {
    const before = snapshot;
    const next = { status, user, stale };
    if (JSON.stringify(next) !== JSON.stringify(before)) {
      snapshot = next;
      each(subscribers);
    }
    if (event) each(listeners, event, snapshot);
    if (before.stale !== stale && status !== "signed-out") each(listeners, stale ? "offline" : "online", snapshot);
    wake();
  }

  function wake(): void {
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  }

  const change = () => new Promise<void>((done) => waiting.push(done));

  // --- other tabs ---

  const channel = page && globalThis.BroadcastChannel ? new BroadcastChannel(key) : undefined;
  const tell = (message: Message<U>) => stop.signal.aborted || channel?.postMessage(message);
  const share = () => held && tell({ held, at: held.at });

  function hear(message: Message<U>): void {
    if ("ask" in message) {
      if (held && left(held) > 0) share();
    } else if ("held" in message) {
      adopt(hold(message.held, message.at));
    } else if (!message.out || message.out === held?.sid) {
      end(message.event);
    } else {
      ended.add(message.out); // its tokens may still be on their way here
    }
  }

  /** Lets a tab that holds a good token answer, for at most 50 ms. */
  async function ask(): Promise<void> {
    if (!channel) return;
    tell({ ask: true });
    await Promise.race([change(), pause(50)]);
  }

  // --- the state ---

  /** Takes a token, unless it is old news. */
  function adopt(next: Held<U>): boolean {
    if (ended.has(next.sid)) return false;
    const same = held?.sid === next.sid;
    if (same && (next.expires < held!.expires || next.access_token === held!.access_token)) return true;
    if (!same) {
      epoch++;
      if (held) ended.add(held.sid);
    }
    held = next;
    lead = within(held, leeway, 1 / 3) * (1 + Math.random() / 4); // tabs and devices should not all come at once
    reached();
    publish("signed-in", held.user ?? null, false, same ? "refreshed" : "signed-in");
    schedule();
    return true;
  }

  function end(event: AuthEvent): void {
    epoch++;
    if (held) ended.add(held.sid);
    held = undefined;
    reached();
    publish("signed-out", null, false, snapshot.status === "signed-out" ? undefined : event);
    schedule();
  }

  function reached(): void {
    failure = undefined;
    failures = 0;
  }

  /** Notes a failure that decides nothing, and when to try again. */
  function failed(e: AuthError): void {
    failure = e;
    failures = e.transient ? failures + 1 : 0;
    const backoff = Math.min(500 * 2 ** (failures - 1), 60_000) * (0.5 + Math.random() / 2);
    retryAt = performance.now() + (e.retryAfter ? e.retryAfter * 1000 : e.transient ? backoff : 30_000);
    publish(snapshot.status, snapshot.user, e.transient && snapshot.status !== "signed-out");
  }

  // --- the server ---

  const csrf = async () => (await call<{ CSRF_token: string }>(send, mount + "csrf/")).CSRF_token;

  /** A call that needs a proof that a page of ours makes it; on the mount's own origin the browser's word does. */
  async function prove<T>(path: string, body: object, token?: string): Promise<T> {
    const go = (CSRF_token?: string) => call<T>(send, mount + path, { ...body, CSRF_token });
    if (token || new URL(mount).origin === location.origin) {
      try {
        return await go(token);
      } catch (e) {
        if ((e as AuthError).code !== "csrf_failed") throw e;
        if (held?.CSRF_token === token) delete held?.CSRF_token; // present and wrong is always refused
      }
    }
    return go(await csrf());
  }

  /** One attempt at a time, whoever wants it; the timer is set again however it ends. */
  function renew(): Promise<void> {
    return (renewing ??= attempt().finally(() => {
      renewing = undefined;
      wake();
      schedule();
    }));
  }

  /** As renew, but not before the server wants to be asked again. */
  const demand = () => (failure && performance.now() < retryAt ? Promise.reject(failure) : renew());

  async function attempt(): Promise<void> {
    const before = held;
    const since = epoch;
    try {
      if (remembered(key)) return await finish(); // else the cookie that is left signs somebody in
      const asked = performance.now();
      await locked(key, lockTimeout, async () => {
        // Another tab had the lock: what it got is on its way.
        if (performance.now() - asked > 10) await ask();
        if (held !== before || epoch !== since) return;
        const go = () => prove<TokenResponse<U>>("refresh/", {}, held?.CSRF_token);
        const next = hold(
          await go().catch(async (e: AuthError) => {
            if (e.code !== "invalid_refresh_token") throw e;
            await pause(2_000); // perhaps one instance has a wrong secret
            return go();
          }),
          Date.now(),
        );
        if (epoch !== since) return;
        if (!adopt(next)) throw new AuthError("session_revoked", 401);
        share();
      });
    } catch (error) {
      const e = error as AuthError;
      if (epoch !== since) return;
      const bad = e.code === "invalid_refresh_token";
      if (e.status === 401 && (bad || ends.test(e.code))) {
        if (before && !bad) tell({ out: before.sid, event: "expired" });
        end(before ? "expired" : "signed-out");
        if (before && bad) ended.delete(before.sid); // another tab may still be told better
        return;
      }
      failed(e);
      throw e;
    }
  }

  /** Tells the server of a sign-out. A session that has ended already is as good. */
  function finish(scope = remembered(key) ?? "this", token?: string): Promise<void> {
    return (finishing ??= prove("logoff/", { scope }, token)
      .catch((e: AuthError) => {
        if (e.status !== 401 || e.code === "network") throw e;
      })
      .then(() => {
        forget(key);
        if (snapshot.status === "signed-out") reached();
      })
      .finally(() => (finishing = undefined)));
  }

  async function enter(path: string, body: object): Promise<U | null> {
    // Their cookies must not arrive after those of the sign-in.
    await Promise.allSettled([renewing, finishing]);
    const next = hold(await call<TokenResponse<U>>(send, mount + path, body), Date.now());
    forget(key); // the server has ended what the old cookie named
    adopt(next);
    share();
    return held?.user ?? null;
  }

  function start(): Promise<void> {
    if (snapshot.status !== "unknown") return Promise.resolve();
    return (starting ??= (async () => {
      if (remembered(key)) {
        end("signed-out");
        renew().catch(() => {});
        return;
      }
      if (!failure) await ask();
      if (snapshot.status === "unknown") await demand();
    })().finally(() => (starting = undefined)));
  }

  // --- time ---

  /** Sets the timer, or renews what is due. In a hidden tab it does neither: it is called again when the tab is seen. */
  function schedule(): void {
    clearTimeout(timer);
    if (!page || stop.signal.aborted || (failure ? !failure.transient : !held)) return;
    const wait = failure ? retryAt - performance.now() : left(held!) - lead;
    if (wait > 0) timer = setTimeout(schedule, Math.min(wait, 1e9)); // a longer one would fire at once
    else if (!page.hidden) renew().catch(() => {});
  }

  if (page) {
    if (channel) channel.onmessage = (e) => hear(e.data);
    for (const type of ["visibilitychange", "online", "pageshow"]) {
      addEventListener(
        type,
        (e) => {
          if (type === "online" && failure?.status === 0) retryAt = 0;
          // A page that comes back from the back/forward cache has heard nothing meanwhile.
          if ((e as PageTransitionEvent).persisted && snapshot.status !== "unknown") renew().catch(() => {});
          else schedule();
        },
        { signal: stop.signal },
      );
    }
  }

  // --- the use of it ---

  async function current(minTTL = 0): Promise<Held<U> | undefined> {
    await start();
    if (held && left(held) <= Math.max(within(held, leeway, 1 / 3), within(held, minTTL, 1 / 2))) {
      try {
        await demand();
      } catch (e) {
        if (!held || left(held) <= 0) throw e;
      }
    }
    return held;
  }

  const bearer = bearerFetch(send, origins, { held: () => held, current, renew: demand });

  return {
    async ready() {
      while (snapshot.status === "unknown") {
        await start().catch((e: AuthError) => {
          if (!e.transient) throw e;
          return change();
        });
      }
      return snapshot;
    },
    getSnapshot: () => snapshot,
    subscribe(listener) {
      const mine = () => listener(); // the same function may subscribe twice
      subscribers.add(mine);
      if (page) start().catch(() => {});
      return () => void subscribers.delete(mine);
    },
    on(listener) {
      const mine: typeof listener = (event, now) => listener(event, now);
      listeners.add(mine);
      return () => void listeners.delete(mine);
    },
    signIn: (credentials) => enter("sign-in/", credentials),
    exchange: (tokens) => enter("social-exchange/", tokens),
    redirect(provider, returnTo = location.href) {
      const url = `${mount}login/${encodeURIComponent(provider)}/?return_to=${encodeURIComponent(returnTo)}`;
      const go = () => (options.onRedirect ? options.onRedirect(url) : location.assign(url));
      // A sign-out that is finished later would end the session that comes back.
      if (remembered(key)) finish().then(go, go);
      else go();
    },
    async signOut({ scope = "this" } = {}) {
      const token = held?.CSRF_token;
      if (scope === "others") return prove("logoff/", { scope }, token);
      const kept = remember(key, scope);
      tell({ out: held?.sid, event: "signed-out" });
      end("signed-out");
      const since = epoch;
      try {
        await finish(scope, token);
      } catch (e) {
        if (epoch === since) failed(e as AuthError);
        schedule();
        if (!kept || !(e as AuthError).transient) throw e;
      }
    },
    async getAccessToken({ minTTL, forceRefresh } = {}) {
      await start();
      if (held && forceRefresh) await renew();
      return (await current(minTTL))?.access_token ?? null;
    },
    fetch: bearer,
    async refresh() {
      await renew();
      return snapshot;
    },
    async changePassword(passwords) {
      await call(bearer, mount + "password/", passwords);
    },
    sessions: {
      list: async () => (await call<{ sessions: Session[] }>(bearer, mount + "sessions/")).sessions,
      async revoke(id) {
        await call(bearer, `${mount}sessions/${encodeURIComponent(id)}/`, undefined, "DELETE");
        if (id !== held?.sid) return;
        tell({ out: id, event: "signed-out" });
        end("signed-out");
      },
    },
    dispose() {
      epoch++;
      stop.abort();
      channel?.close();
      clearTimeout(timer);
      subscribers.clear();
      listeners.clear();
    },
  };
}
