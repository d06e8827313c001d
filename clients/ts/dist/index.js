// error.ts
var AuthError = class extends Error {
  constructor(code, status, message = code, retryAfter, fields) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.fields = fields;
    this.name = "AuthError";
  }
  code;
  status;
  retryAfter;
  fields;
  /** Nothing was decided: the same request may succeed later. */
  get transient() {
    const { status } = this;
    return status < 400 || status > 499 || status === 408 || status === 429;
  }
};

// bearer.ts
function bearerFetch(send, origins, source) {
  return async (input, init) => {
    const request = new Request(input, init);
    if (!origins.has(new URL(request.url).origin) || request.headers.has("Authorization")) return send(request);
    const again = init?.body instanceof ReadableStream ? void 0 : request.clone();
    const began = source.held();
    const used = await unlessAborted(request.signal, source.current());
    if (!used) return send(request);
    if (began && began.sub !== used.sub) throw new AuthError("session_revoked", 401);
    const bear = (r, token) => {
      r.headers.set("Authorization", `Bearer ${token}`);
      return send(r);
    };
    const response = await bear(request, used.access_token);
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
function unlessAborted(signal, work) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    work.then(resolve, reject);
  });
}

// call.ts
var limit = 15e3;
async function call(send, url, json, method = json ? "POST" : "GET") {
  let status = 0;
  try {
    const response = await send(url, {
      method,
      credentials: "include",
      // the mount may be on a sibling origin
      redirect: "error",
      // the mount never redirects a call, and CSRF_token is nobody else's
      signal: AbortSignal.timeout(limit),
      ...json && { body: JSON.stringify(json), headers: { "Content-Type": "application/json" } }
    });
    const text = await response.text();
    status = response.status;
    const body = text && JSON.parse(text);
    if (response.ok) return body;
    if (body.code) {
      const { code, detail, ...fields } = body;
      throw new AuthError(code, status, detail, Number(response.headers.get("Retry-After")) || void 0, fields);
    }
  } catch (e) {
    if (e instanceof AuthError) throw e;
    if (/^(Timeout|Abort)/.test(e.name)) throw new AuthError("timeout", 0);
  }
  throw new AuthError("network", status);
}

// lock.ts
async function locked(name, ms, work) {
  let begun;
  if (ms) {
    try {
      await navigator.locks.request(name, { signal: AbortSignal.timeout(ms) }, () => begun = work());
    } catch {
    }
  }
  return begun ?? work();
}

// remember.ts
function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function remember(key, scope) {
  try {
    localStorage.setItem(key, scope);
    return true;
  } catch {
    return false;
  }
}
function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
  }
}

// token.ts
function hold(response, at) {
  try {
    const { sid, sub } = JSON.parse(atob(response.access_token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return { ...response, sid, sub, at, mono: performance.now() - Math.max(0, Date.now() - at) };
  } catch {
    throw new AuthError("network", 200);
  }
}
function left(held) {
  return held.expires_in * 1e3 - Math.max(Date.now() - held.at, performance.now() - held.mono);
}
function within(held, ms, part) {
  return Math.min(ms, held.expires_in * 1e3 * part);
}

// auth.ts
var ends = /^(no_refresh_token|refresh_token_(expired|reused)|session_revoked)$/;
var pause = (ms) => new Promise((done) => setTimeout(done, ms));
function createAuth(options = {}) {
  const { leeway = 3e4, lockTimeout = 5e3 } = options;
  const page = globalThis.document;
  const path = (options.baseURL ?? "/auth").replace(/\/*$/, "/");
  const mount = page ? new URL(path, location.href).href : path;
  const key = "sallyport:" + mount;
  const origins = new Set(page && [location.origin, new URL(mount).origin, ...options.apiOrigins ?? []]);
  const send = (input, init) => (options.fetch ?? fetch)(input, init);
  const subscribers = /* @__PURE__ */ new Set();
  const listeners = /* @__PURE__ */ new Set();
  const stop = new AbortController();
  const ended = /* @__PURE__ */ new Set();
  let snapshot = { status: "unknown", user: null, stale: false };
  let held;
  let lead = 0;
  let epoch = 0;
  let failure;
  let failures = 0;
  let retryAt = 0;
  let renewing;
  let finishing;
  let starting;
  let timer;
  let waiting = [];
  function each(set, ...args) {
    for (const listener of [...set]) {
      try {
        listener(...args);
      } catch (e) {
        reportError(e);
      }
    }
  }
  function publish(status, user, stale, event) {
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
  function wake() {
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  }
  const change = () => new Promise((done) => waiting.push(done));
  const channel = page && globalThis.BroadcastChannel ? new BroadcastChannel(key) : void 0;
  const tell = (message) => stop.signal.aborted || channel?.postMessage(message);
  const share = () => held && tell({ held, at: held.at });
  function hear(message) {
    if ("ask" in message) {
      if (held && left(held) > 0) share();
    } else if ("held" in message) {
      adopt(hold(message.held, message.at));
    } else if (!message.out || message.out === held?.sid) {
      end(message.event);
    } else {
      ended.add(message.out);
    }
  }
  async function ask() {
    if (!channel) return;
    tell({ ask: true });
    await Promise.race([change(), pause(50)]);
  }
  function adopt(next) {
    if (ended.has(next.sid)) return false;
    const same = held?.sid === next.sid;
    if (same && (next.expires < held.expires || next.access_token === held.access_token)) return true;
    if (!same) {
      epoch++;
      if (held) ended.add(held.sid);
    }
    held = next;
    lead = within(held, leeway, 1 / 3) * (1 + Math.random() / 4);
    reached();
    publish("signed-in", held.user ?? null, false, same ? "refreshed" : "signed-in");
    schedule();
    return true;
  }
  function end(event) {
    epoch++;
    if (held) ended.add(held.sid);
    held = void 0;
    reached();
    publish("signed-out", null, false, snapshot.status === "signed-out" ? void 0 : event);
    schedule();
  }
  function reached() {
    failure = void 0;
    failures = 0;
  }
  function failed(e) {
    failure = e;
    failures = e.transient ? failures + 1 : 0;
    const backoff = Math.min(500 * 2 ** (failures - 1), 6e4) * (0.5 + Math.random() / 2);
    retryAt = performance.now() + (e.retryAfter ? e.retryAfter * 1e3 : e.transient ? backoff : 3e4);
    publish(snapshot.status, snapshot.user, e.transient && snapshot.status !== "signed-out");
  }
  const csrf = async () => (await call(send, mount + "csrf/")).CSRF_token;
  async function prove(path2, body, token) {
    const go = (CSRF_token) => call(send, mount + path2, { ...body, CSRF_token });
    if (token || new URL(mount).origin === location.origin) {
      try {
        return await go(token);
      } catch (e) {
        if (e.code !== "csrf_failed") throw e;
        if (held?.CSRF_token === token) delete held?.CSRF_token;
      }
    }
    return go(await csrf());
  }
  function renew() {
    return renewing ??= attempt().finally(() => {
      renewing = void 0;
      wake();
      schedule();
    });
  }
  const demand = () => failure && performance.now() < retryAt ? Promise.reject(failure) : renew();
  async function attempt() {
    const before = held;
    const since = epoch;
    try {
      if (remembered(key)) return await finish();
      const asked = performance.now();
      await locked(key, lockTimeout, async () => {
        if (performance.now() - asked > 10) await ask();
        if (held !== before || epoch !== since) return;
        const go = () => prove("refresh/", {}, held?.CSRF_token);
        const next = hold(
          await go().catch(async (e) => {
            if (e.code !== "invalid_refresh_token") throw e;
            await pause(2e3);
            return go();
          }),
          Date.now()
        );
        if (epoch !== since) return;
        if (!adopt(next)) throw new AuthError("session_revoked", 401);
        share();
      });
    } catch (error) {
      const e = error;
      if (epoch !== since) return;
      const bad = e.code === "invalid_refresh_token";
      if (e.status === 401 && (bad || ends.test(e.code))) {
        if (before && !bad) tell({ out: before.sid, event: "expired" });
        end(before ? "expired" : "signed-out");
        if (before && bad) ended.delete(before.sid);
        return;
      }
      failed(e);
      throw e;
    }
  }
  function finish(scope = remembered(key) ?? "this", token) {
    return finishing ??= prove("logoff/", { scope }, token).catch((e) => {
      if (e.status !== 401 || e.code === "network") throw e;
    }).then(() => {
      forget(key);
      if (snapshot.status === "signed-out") reached();
    }).finally(() => finishing = void 0);
  }
  async function enter(path2, body) {
    await Promise.allSettled([renewing, finishing]);
    const next = hold(await call(send, mount + path2, body), Date.now());
    forget(key);
    adopt(next);
    share();
    return held?.user ?? null;
  }
  function start() {
    if (snapshot.status !== "unknown") return Promise.resolve();
    return starting ??= (async () => {
      if (remembered(key)) {
        end("signed-out");
        renew().catch(() => {
        });
        return;
      }
      if (!failure) await ask();
      if (snapshot.status === "unknown") await demand();
    })().finally(() => starting = void 0);
  }
  function schedule() {
    clearTimeout(timer);
    if (!page || stop.signal.aborted || (failure ? !failure.transient : !held)) return;
    const wait = failure ? retryAt - performance.now() : left(held) - lead;
    if (wait > 0) timer = setTimeout(schedule, Math.min(wait, 1e9));
    else if (!page.hidden) renew().catch(() => {
    });
  }
  if (page) {
    if (channel) channel.onmessage = (e) => hear(e.data);
    for (const type of ["visibilitychange", "online", "pageshow"]) {
      addEventListener(
        type,
        (e) => {
          if (type === "online" && failure?.status === 0) retryAt = 0;
          if (e.persisted && snapshot.status !== "unknown") renew().catch(() => {
          });
          else schedule();
        },
        { signal: stop.signal }
      );
    }
  }
  async function current(minTTL = 0) {
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
        await start().catch((e) => {
          if (!e.transient) throw e;
          return change();
        });
      }
      return snapshot;
    },
    getSnapshot: () => snapshot,
    subscribe(listener) {
      const mine = () => listener();
      subscribers.add(mine);
      if (page) start().catch(() => {
      });
      return () => void subscribers.delete(mine);
    },
    on(listener) {
      const mine = (event, now) => listener(event, now);
      listeners.add(mine);
      return () => void listeners.delete(mine);
    },
    signIn: (credentials) => enter("sign-in/", credentials),
    exchange: (tokens) => enter("social-exchange/", tokens),
    redirect(provider, returnTo = location.href) {
      const url = `${mount}login/${encodeURIComponent(provider)}/?return_to=${encodeURIComponent(returnTo)}`;
      const go = () => options.onRedirect ? options.onRedirect(url) : location.assign(url);
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
        if (epoch === since) failed(e);
        schedule();
        if (!kept || !e.transient) throw e;
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
      list: async () => (await call(bearer, mount + "sessions/")).sessions,
      async revoke(id) {
        await call(bearer, `${mount}sessions/${encodeURIComponent(id)}/`, void 0, "DELETE");
        if (id !== held?.sid) return;
        tell({ out: id, event: "signed-out" });
        end("signed-out");
      }
    },
    dispose() {
      epoch++;
      stop.abort();
      channel?.close();
      clearTimeout(timer);
      subscribers.clear();
      listeners.clear();
    }
  };
}
export {
  AuthError,
  createAuth
};
