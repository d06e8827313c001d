// The session of this browser: who is signed in, when its token is renewed, and what ends it. Short on purpose, like all of the
// core: it may weigh 3,072 bytes.
import { bearerFetch } from "./bearer.js";
import { call } from "./call.js";
import { AuthError } from "./error.js";
import { locked } from "./lock.js";
import { memory } from "./remember.js";
import { hold, left, type Held, type TokenResponse } from "./token.js";
import type { Auth, AuthEvent, AuthOptions, Session, Snapshot, Status, User } from "./types.js";

/** What the tabs of one mount tell each other. */
interface Message<U> {
  /** A token to share. */
  held?: Held<U>;
  /** What has ended: the session out, or whatever there is. A message without it, and without a token, asks for one. */
  event?: AuthEvent;
  out?: string | undefined;
}

/**
 * The only answers that end a session are those about the refresh token itself: no_, invalid_, _expired, _reused, and the
 * session's own.
 */
const ends = /refresh_token|session_revoked/;

const invalid = "invalid_refresh_token";

const jitter = () => 1 - Math.random() / 2;

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

export function createAuth<U = User>(options: AuthOptions = {}): Auth<U> {
  const {
    baseURL = "/auth",
    apiOrigins = [],
    leeway = 30_000,
    lockTimeout = 5_000,
    fetch: send = (input, init) => fetch(input, init), // the page's own, whatever it is by then
    onRedirect = (url) => location.assign(url),
  } = options;
  let page: Document | undefined = globalThis.document; // none on a server, where nothing is started, nor once disposed
  const mount = new URL(baseURL.replace(/\/*$/, "/"), page?.URL ?? "x:/").href;
  const key = "sallyport:" + mount; // of the channel, the lock and the remembered sign-out: mounts do not mix
  const home = new URL(mount).origin;
  const origins = new Set([home, page && location.origin, ...apiOrigins]);

  const remembered = memory(key);
  const subscribers = new Set<() => void>();
  const listeners = new Set<(event: AuthEvent, snapshot: Snapshot<U>) => void>();
  const stop = new AbortController();
  const ended = new Set<string>(); // sessions that are over: late news of them is no news
  let snapshot: Snapshot<U> = { status: "unknown", user: null, stale: false };
  let held: Held<U> | undefined;
  let lead = 0; // how long before its end the held token is renewed by the timer
  let epoch = 0; // counts changes of the session: a result from before one is dropped
  let failure: AuthError | undefined; // of the last attempt
  let backoff = 0; // ms after that one, doubled each time
  let retryAt = 0; // when to try again, by performance.now(); until then nobody is asked
  let working: Promise<unknown> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  // --- telling ---

  const each = <A extends unknown[]>(set: Set<(...args: A) => void>, ...args: A): void => {
    for (const listener of [...set]) {
      try {
        listener(...args); // never awaited: whatever it calls must not wait for itself
      } catch (e) {
        reportError(e);
      }
    }
  };

  const add = <A extends unknown[]>(set: Set<(...args: A) => void>, listener: (...args: A) => void): () => void => {
    set.add(listener);
    return () => void set.delete(listener);
  };

  const publish = (status: Status, user: U | null, stale: boolean, event?: AuthEvent | false): void => {
    const before = snapshot;
    const next = { status, user, stale };
    if (JSON.stringify(next) !== JSON.stringify(before)) {
      snapshot = next;
      each(subscribers);
    }
    if (event) each(listeners, event, snapshot);
    if (before.stale !== stale && status !== "signed-out") each(listeners, stale ? "offline" : "online", snapshot);
  };

  const change = () =>
    new Promise<void>((done) => {
      const off = add(subscribers, () => (off(), done()));
    });

  // --- other tabs ---

  const channel = page && globalThis.BroadcastChannel ? new BroadcastChannel(key) : undefined;
  const tell = (message: Message<U>) => page && channel?.postMessage(message);
  const share = () => held && tell({ held });

  if (channel) {
    channel.onmessage = ({ data: { held: news, event, out } }: MessageEvent<Message<U>>) => {
      if (news) {
        // Its other clock began with its own page.
        if (!ended.has(news.sid)) adopt({ ...news, mono: performance.now() - Math.max(0, Date.now() - news.at) });
      } else if (!event) {
        if (held && left(held) > 0) share();
      } else if (!out || out === held?.sid) {
        end(event);
      } else {
        ended.add(out); // its tokens may still be on their way here
      }
    };
  }

  /** Lets a tab that holds a good token answer, for at most 50 ms. */
  const ask = async (): Promise<void> => {
    tell({});
    await Promise.race([change(), pause(50)]);
  };

  // --- the state ---

  /** Takes a token, unless it is old news. */
  const adopt = (next: Held<U>): void => {
    const same = held?.sid === next.sid;
    if (same && (next.expires < held!.expires || next.access_token === held!.access_token)) return;
    if (!same) {
      epoch++;
      if (held) ended.add(held.sid);
    }
    held = next;
    // A part of its life, lest a short one be renewed again and again. Tabs and devices should not all come at once.
    lead = Math.min(leeway, held.expires_in * 333) * jitter();
    failure = undefined;
    publish("signed-in", held.user ?? null, false, same ? "refreshed" : "signed-in");
    schedule();
  };

  const end = (event: AuthEvent, hereOnly?: boolean): void => {
    epoch++;
    if (held && !hereOnly) ended.add(held.sid);
    held = undefined;
    failure = undefined;
    publish("signed-out", null, false, snapshot.status !== "signed-out" && event);
    schedule();
  };

  /** Ends the session in every tab. */
  const leave = (event: AuthEvent): void => {
    tell({ out: held?.sid, event });
    end(event);
  };

  /** Notes a failure that decides nothing, and when to try again. */
  const failed = (e: AuthError): void => {
    backoff = failure ? Math.min(backoff * 2, 60_000) : 500;
    failure = e;
    retryAt = performance.now() + (e.retryAfter! * 1000 || (e.transient ? backoff * jitter() : 30_000));
    publish(snapshot.status, snapshot.user, e.transient && snapshot.status !== "signed-out");
  };

  // --- the server ---

  /** A call that needs a proof that a page of ours makes it; on the mount's own origin the browser's word does. */
  const prove = async <T>(path: string, body: object, token?: string): Promise<T> => {
    const csrf = async () => (await call<{ CSRF_token: string }>(send, mount + "csrf/")).CSRF_token;
    const go = (CSRF_token?: string) => call<T>(send, mount + path, { ...body, CSRF_token });
    try {
      return await go(token || home === location.origin ? token : await csrf());
    } catch (e) {
      const { code } = e as AuthError;
      if (code === invalid) await pause(2_000); // perhaps one instance has a wrong secret
      else if (code !== "csrf_failed") throw e;
      delete held?.CSRF_token; // present and wrong is always refused
      return go(await csrf());
    }
  };

  /** One attempt at a time, whoever wants it. */
  const renew = () => working ?? work(attempt());

  const quietly = () => void renew().catch(() => {}); // what failed is in the snapshot

  /** As renew, but not before the server wants to be asked again. */
  const demand = () => (failure && performance.now() < retryAt ? Promise.reject(failure) : renew());

  /** What the server is hearing now; however it ends, the timer is set again. */
  const work = (doing: Promise<unknown>): Promise<unknown> => {
    const mine = (working = doing.finally(() => {
      if (working === mine) working = undefined;
      schedule();
    }));
    return mine;
  };

  /** Refreshes; but a sign-out comes first, else the cookie that is left signs somebody in. */
  const attempt = async (scope = remembered(), token?: string): Promise<void> => {
    const before = held;
    const since = epoch;
    try {
      if (scope) {
        await prove("logoff/", { scope }, token);
        remembered("");
        failure = undefined;
        return;
      }
      const asked = performance.now();
      await locked(key, lockTimeout, async () => {
        // Another tab had the lock: what it got is on its way.
        if (performance.now() - asked > 10 && held === before) await ask();
        if (held !== before || epoch !== since) return;
        const next = hold(await prove<TokenResponse<U>>("refresh/", {}, held?.CSRF_token));
        if (epoch !== since) return;
        if (ended.has(next.sid)) throw new AuthError("session_revoked", 401);
        adopt(next);
        share();
      });
    } catch (error) {
      const e = error as AuthError;
      const hereOnly = e.code === invalid; // another tab may be told better
      // A session that has ended already is as good, and a refusal for good is the caller's.
      if (scope && !e.transient) remembered("");
      if (epoch !== since) return;
      if (e.status !== 401 || !ends.test(e.code)) {
        failed(e);
        throw e;
      }
      if (before && !hereOnly) leave("expired");
      else end(before ? "expired" : "signed-out", hereOnly);
    }
  };

  /** Nothing is under way, nor a sign-out to be finished. */
  const settled = async () => (remembered() ? renew() : working?.catch(() => {}));

  const enter = async (path: string, body: object): Promise<U | null> => {
    // The cookies of nothing else may arrive after those of the sign-in: what there is ends first, and what comes now waits.
    await settled();
    const entering = call<TokenResponse<U>>(send, mount + path, body);
    work(entering.catch(() => {}));
    const next = hold(await entering);
    adopt(next);
    share();
    return held?.user ?? null;
  };

  /** Finds out who is signed in: what a sign-out has left to do, other tabs, then the server. */
  const start = async (): Promise<void> => {
    if (snapshot.status !== "unknown") return;
    if (remembered()) {
      end("signed-out");
      return quietly();
    }
    await ask();
    if (snapshot.status === "unknown") await demand();
  };

  // --- time ---

  /** Sets the timer, or renews what is due. In a hidden tab it does neither: it is called again when the tab is seen. */
  const schedule = (): void => {
    clearTimeout(timer);
    if (!page || !(failure ? failure.transient : held)) return;
    const wait = failure ? retryAt - performance.now() : left(held!) - lead;
    if (wait > 0) timer = setTimeout(schedule, Math.min(wait, 1e9)); // a longer one would fire at once
    else if (!page.hidden) quietly();
  };

  if (page) {
    for (const type of ["visibilitychange", "online", "pageshow"]) {
      addEventListener(
        type,
        (e) => {
          if (type === "online" && !failure?.status) retryAt = 0;
          // A page that comes back from the back/forward cache has heard nothing meanwhile.
          if ((e as PageTransitionEvent).persisted) quietly();
          else schedule();
        },
        { signal: stop.signal },
      );
    }
  }

  // --- the use of it ---

  const current = async ({ minTTL = 0, forceRefresh }: { minTTL?: number; forceRefresh?: boolean } = {}) => {
    await start();
    if (held && (forceRefresh || left(held) <= Math.max(lead, Math.min(minTTL, held.expires_in * 500)))) {
      try {
        await (forceRefresh ? renew : demand)();
      } catch (e) {
        if (forceRefresh || !held || left(held) <= 0) throw e; // else it is good for a while yet
      }
    }
    return held;
  };

  const bearer = bearerFetch(send, origins, () => held, current, demand);

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
      if (page) start().catch(() => {});
      return add(subscribers, listener);
    },
    on: (listener) => add(listeners, listener),
    signIn: (credentials) => enter("sign-in/", credentials),
    exchange: (tokens) => enter("social-exchange/", tokens),
    redirect(provider, returnTo = location.href) {
      // A sign-out that is finished later would end the session that comes back. In an outage there is nowhere to go.
      settled().then(
        () => onRedirect(`${mount}login/${provider}/?return_to=${encodeURIComponent(returnTo)}`),
        () => {},
      );
    },
    async signOut({ scope = "this" } = {}) {
      const token = held?.CSRF_token;
      if (scope === "others") return prove("logoff/", { scope }, token);
      remembered(scope);
      leave("signed-out");
      await work(attempt(scope, token)).catch((e: AuthError) => {
        if (!e.transient) throw e; // else it is tried again
      });
    },
    getAccessToken: async (how) => (await current(how))?.access_token ?? null,
    fetch: bearer,
    refresh: () => renew().then(() => snapshot),
    changePassword: (passwords) => call(bearer, mount + "password/", passwords),
    sessions: {
      list: async () => (await call<{ sessions: Session[] }>(bearer, mount + "sessions/")).sessions,
      async revoke(id) {
        await call(bearer, `${mount}sessions/${id}/`, undefined, "DELETE");
        if (id === held?.sid) leave("signed-out");
      },
    },
    dispose() {
      epoch++;
      page = undefined;
      stop.abort();
      channel?.close();
      schedule();
    },
  };
}
