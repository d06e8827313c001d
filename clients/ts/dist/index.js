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
  /** Nothing was decided: the same request may succeed later. */
  get transient() {
    return /^[^4]|408|429/.test(this.status);
  }
};

// bearer.ts
var bearerFetch = (send, origins, held, current, renew) => async (input, init) => {
  const request = new Request(input, init);
  if (!origins.has(new URL(request.url).origin) || request.headers.has("Authorization")) return send(request);
  const again = init?.body instanceof ReadableStream ? void 0 : request.clone();
  const began = held()?.sub;
  const used = await new Promise((resolve, reject) => {
    request.signal.addEventListener("abort", () => reject(request.signal.reason));
    current().then(resolve, reject);
  });
  if (!used) return send(request);
  if (began && began !== used.sub) throw new AuthError("session_revoked", 401);
  const bear = (r, token) => {
    r.headers.set("Authorization", `Bearer ${token}`);
    return send(r);
  };
  const response = await bear(request, used.access_token);
  if (response.status !== 401 || !again || !/null|invalid_token/.test(response.headers.get("WWW-Authenticate"))) return response;
  if (held()?.access_token === used.access_token) await renew().catch(() => {
  });
  const fresh = held();
  return fresh && fresh.sub === used.sub && fresh.access_token !== used.access_token ? bear(again, fresh.access_token) : response;
};

// call.ts
var call = async (send, url, json, method = json ? "POST" : "GET") => {
  let status = 0;
  try {
    const response = await send(url, {
      method,
      credentials: "include",
      // the mount may be on a sibling origin
      redirect: "error",
      // the mount never redirects a call, and CSRF_token is nobody else's
      signal: AbortSignal.timeout(15e3),
      // a server that hangs must not hang the page
      body: json && new Blob([JSON.stringify(json)], { type: "application/json" })
    });
    const text = await response.text();
    status = response.status;
    const body = text && JSON.parse(text);
    if (response.ok) return body;
    if (body.code) {
      const { code, detail, ...fields } = body;
      throw new AuthError(code, status, detail, +response.headers.get("Retry-After") || void 0, fields);
    }
  } catch (e) {
    if (e instanceof AuthError) throw e;
    if (/out|Ab/.test(e.name)) throw new AuthError("timeout", 0);
  }
  throw new AuthError("network", status);
};

// lock.ts
var locked = async (name, ms, work) => {
  let begun;
  if (ms) {
    try {
      await navigator.locks.request(name, { signal: AbortSignal.timeout(ms) }, () => begun = work());
    } catch {
    }
  }
  return begun ?? work();
};

// remember.ts
var memory = (key) => {
  let kept = null;
  return (scope) => {
    kept = scope ?? kept;
    try {
      if (scope != null) {
        localStorage[scope ? "setItem" : "removeItem"](key, scope);
        kept = null;
      }
      return kept ?? localStorage.getItem(key);
    } catch {
      return kept;
    }
  };
};

// token.ts
var hold = (response) => {
  try {
    const { sid, sub } = JSON.parse(atob(response.access_token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return { ...response, sid, sub, at: Date.now(), mono: performance.now() };
  } catch {
    throw new AuthError("network", 200);
  }
};
var left = (held) => (
  // The wall clock can be set back, the other one may stop while the computer sleeps: the one that went further is right.
  held.expires_in * 1e3 - Math.max(Date.now() - held.at, performance.now() - held.mono)
);

// auth.ts
var ends = /refresh_token|session_revoked/;
var invalid = "invalid_refresh_token";
var jitter = () => 1 - Math.random() / 2;
var pause = (ms) => new Promise((done) => setTimeout(done, ms));
function createAuth(options = {}) {
  const {
    baseURL = "/auth",
    apiOrigins = [],
    leeway = 3e4,
    lockTimeout = 5e3,
    fetch: send = (input, init) => fetch(input, init),
    // the page's own, whatever it is by then
    onRedirect = (url) => location.assign(url)
  } = options;
  let page = globalThis.document;
  const mount = new URL(baseURL.replace(/\/*$/, "/"), page?.URL ?? "x:/").href;
  const key = "sallyport:" + mount;
  const home = new URL(mount).origin;
  const origins = /* @__PURE__ */ new Set([home, page && location.origin, ...apiOrigins]);
  const remembered = memory(key);
  const subscribers = /* @__PURE__ */ new Set();
  const listeners = /* @__PURE__ */ new Set();
  const stop = new AbortController();
  const ended = /* @__PURE__ */ new Set();
  let snapshot = { status: "unknown", user: null, stale: false };
  let held;
  let lead = 0;
  let epoch = 0;
  let failure;
  let backoff = 0;
  let retryAt = 0;
  let working;
  let timer;
  const each = (set, ...args) => {
    for (const listener of [...set]) {
      try {
        listener(...args);
      } catch (e) {
        reportError(e);
      }
    }
  };
  const add = (set, listener) => {
    set.add(listener);
    return () => void set.delete(listener);
  };
  const publish = (status, user, stale, event) => {
    const before = snapshot;
    const next = { status, user, stale };
    if (JSON.stringify(next) !== JSON.stringify(before)) {
      snapshot = next;
      each(subscribers);
    }
    if (event) each(listeners, event, snapshot);
    if (before.stale !== stale && status !== "signed-out") each(listeners, stale ? "offline" : "online", snapshot);
  };
  const change = () => new Promise((done) => {
    const off = add(subscribers, () => (off(), done()));
  });
  const channel = page && globalThis.BroadcastChannel ? new BroadcastChannel(key) : void 0;
  const tell = (message) => page && channel?.postMessage(message);
  const share = () => held && tell({ held });
  if (channel) {
    channel.onmessage = ({ data: { held: news, event, out } }) => {
      if (news) {
        if (!ended.has(news.sid)) adopt({ ...news, mono: performance.now() - Math.max(0, Date.now() - news.at) });
      } else if (!event) {
        if (held && left(held) > 0) share();
      } else if (!out || out === held?.sid) {
        end(event);
      } else {
        ended.add(out);
      }
    };
  }
  const ask = async () => {
    tell({});
    await Promise.race([change(), pause(50)]);
  };
  const adopt = (next) => {
    const same = held?.sid === next.sid;
    if (same && (next.expires < held.expires || next.access_token === held.access_token)) return;
    if (!same) {
      epoch++;
      if (held) ended.add(held.sid);
    }
    held = next;
    lead = Math.min(leeway, held.expires_in * 333) * jitter();
    failure = void 0;
    publish("signed-in", held.user ?? null, false, same ? "refreshed" : "signed-in");
    schedule();
  };
  const end = (event, hereOnly) => {
    epoch++;
    if (held && !hereOnly) ended.add(held.sid);
    held = void 0;
    failure = void 0;
    publish("signed-out", null, false, snapshot.status !== "signed-out" && event);
    schedule();
  };
  const leave = (event) => {
    tell({ out: held?.sid, event });
    end(event);
  };
  const failed = (e) => {
    backoff = failure ? Math.min(backoff * 2, 6e4) : 500;
    failure = e;
    retryAt = performance.now() + (e.retryAfter * 1e3 || (e.transient ? backoff * jitter() : 3e4));
    publish(snapshot.status, snapshot.user, e.transient && snapshot.status !== "signed-out");
  };
  const prove = async (path, body, token) => {
    const csrf = async () => (await call(send, mount + "csrf/")).CSRF_token;
    const go = (CSRF_token) => call(send, mount + path, { ...body, CSRF_token });
    try {
      return await go(token || home === location.origin ? token : await csrf());
    } catch (e) {
      const { code } = e;
      if (code === invalid) await pause(2e3);
      else if (code !== "csrf_failed") throw e;
      delete held?.CSRF_token;
      return go(await csrf());
    }
  };
  const renew = () => working ?? work(attempt());
  const quietly = () => void renew().catch(() => {
  });
  const demand = () => failure && performance.now() < retryAt ? Promise.reject(failure) : renew();
  const work = (doing) => {
    const mine = working = doing.finally(() => {
      if (working === mine) working = void 0;
      schedule();
    });
    return mine;
  };
  const attempt = async (scope = remembered(), token) => {
    const before = held;
    const since = epoch;
    try {
      if (scope) {
        await prove("logoff/", { scope }, token);
        remembered("");
        failure = void 0;
        return;
      }
      const asked = performance.now();
      await locked(key, lockTimeout, async () => {
        if (performance.now() - asked > 10 && held === before) await ask();
        if (held !== before || epoch !== since) return;
        const next = hold(await prove("refresh/", {}, held?.CSRF_token));
        if (epoch !== since) return;
        if (ended.has(next.sid)) throw new AuthError("session_revoked", 401);
        adopt(next);
        share();
      });
    } catch (error) {
      const e = error;
      const hereOnly = e.code === invalid;
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
  const settled = async () => remembered() ? renew() : working?.catch(() => {
  });
  const enter = async (path, body) => {
    await settled();
    const entering = call(send, mount + path, body);
    work(entering.catch(() => {
    }));
    const next = hold(await entering);
    adopt(next);
    share();
    return held?.user ?? null;
  };
  const start = async () => {
    if (snapshot.status !== "unknown") return;
    if (remembered()) {
      end("signed-out");
      return quietly();
    }
    await ask();
    if (snapshot.status === "unknown") await demand();
  };
  const schedule = () => {
    clearTimeout(timer);
    if (!page || !(failure ? failure.transient : held)) return;
    const wait = failure ? retryAt - performance.now() : left(held) - lead;
    if (wait > 0) timer = setTimeout(schedule, Math.min(wait, 1e9));
    else if (!page.hidden) quietly();
  };
  if (page) {
    for (const type of ["visibilitychange", "online", "pageshow"]) {
      addEventListener(
        type,
        (e) => {
          if (type === "online" && !failure?.status) retryAt = 0;
          if (e.persisted) quietly();
          else schedule();
        },
        { signal: stop.signal }
      );
    }
  }
  const current = async ({ minTTL = 0, forceRefresh } = {}) => {
    await start();
    if (held && (forceRefresh || left(held) <= Math.max(lead, Math.min(minTTL, held.expires_in * 500)))) {
      try {
        await (forceRefresh ? renew : demand)();
      } catch (e) {
        if (forceRefresh || !held || left(held) <= 0) throw e;
      }
    }
    return held;
  };
  const bearer = bearerFetch(send, origins, () => held, current, demand);
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
      if (page) start().catch(() => {
      });
      return add(subscribers, listener);
    },
    on: (listener) => add(listeners, listener),
    signIn: (credentials) => enter("sign-in/", credentials),
    exchange: (tokens) => enter("social-exchange/", tokens),
    redirect(provider, returnTo = location.href) {
      settled().then(
        () => onRedirect(`${mount}login/${provider}/?return_to=${encodeURIComponent(returnTo)}`),
        () => {
        }
      );
    },
    async signOut({ scope = "this" } = {}) {
      const token = held?.CSRF_token;
      if (scope === "others") return prove("logoff/", { scope }, token);
      remembered(scope);
      leave("signed-out");
      await work(attempt(scope, token)).catch((e) => {
        if (!e.transient) throw e;
      });
    },
    getAccessToken: async (how) => (await current(how))?.access_token ?? null,
    fetch: bearer,
    refresh: () => renew().then(() => snapshot),
    changePassword: (passwords) => call(bearer, mount + "password/", passwords),
    sessions: {
      list: async () => (await call(bearer, mount + "sessions/")).sessions,
      async revoke(id) {
        await call(bearer, `${mount}sessions/${id}/`, void 0, "DELETE");
        if (id === held?.sid) leave("signed-out");
      }
    },
    dispose() {
      epoch++;
      page = void 0;
      stop.abort();
      channel?.close();
      schedule();
    }
  };
}
export {
  AuthError,
  createAuth
};
