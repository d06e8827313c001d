// testing.ts
import { AuthError } from "./index.js";
function fakeAuth(options = {}) {
  const subscribers = /* @__PURE__ */ new Set();
  const listeners = /* @__PURE__ */ new Set();
  const calls = [];
  let sessions = options.sessions ?? [];
  let refusal;
  let snapshot = {
    status: options.user === void 0 ? "unknown" : options.user === null ? "signed-out" : "signed-in",
    user: options.user ?? null,
    stale: false
  };
  function become(status, user, stale, event) {
    if (event === "signed-out" && snapshot.status === "signed-out") event = void 0;
    if (JSON.stringify({ status, user, stale }) !== JSON.stringify(snapshot)) {
      snapshot = { status, user, stale };
      for (const one of [...subscribers]) safely(one);
    }
    if (event) for (const one of [...listeners]) safely(() => one(event, snapshot));
  }
  function safely(listener) {
    try {
      listener();
    } catch (e) {
      globalThis.reportError?.(e);
    }
  }
  async function server(call, ...args) {
    calls.push({ call, with: args });
    const refused = refusal ?? (snapshot.stale ? new AuthError("network", 0) : void 0);
    refusal = void 0;
    if (refused) throw refused;
  }
  async function enter(call, from) {
    await server(call, from);
    const user = options.signIn ? options.signIn(from) : options.user ?? { id: "fake" };
    become("signed-in", user, false, "signed-in");
    return user;
  }
  const ready = async () => {
    while (snapshot.status === "unknown") {
      await new Promise((done) => {
        const off = auth.subscribe(() => (off(), done()));
      });
    }
    return snapshot;
  };
  const auth = {
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
      const mine = (event, now) => listener(event, now);
      listeners.add(mine);
      return () => void listeners.delete(mine);
    },
    signIn: (credentials) => enter("signIn", credentials),
    exchange: (tokens) => enter("exchange", tokens),
    redirect(provider, returnTo) {
      calls.push({ call: "redirect", with: returnTo === void 0 ? [provider] : [provider, returnTo] });
    },
    async signOut(how = {}) {
      const told = server("signOut", how);
      if (how.scope === "others") return told;
      become("signed-out", null, false, "signed-out");
      await told.catch((e) => {
        if (!e.transient) throw e;
      });
    },
    async getAccessToken() {
      return (await ready()).status === "signed-in" ? "fake" : null;
    },
    async fetch(input, init) {
      const request = new Request(input, init);
      const allowed = [globalThis.location?.origin, ...options.apiOrigins ?? []].includes(new URL(request.url).origin);
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
      }
    },
    dispose() {
      subscribers.clear();
      listeners.clear();
    }
  };
  return auth;
}
export {
  fakeAuth
};
