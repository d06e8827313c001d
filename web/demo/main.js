// The page: it connects the forms and buttons with the client, the provider and the view.
import { createAuth } from "./client.js";
import { caller, logged } from "./call.js";
import { decode } from "./jwt.js";
import { createProvider } from "./pkce.js";
import { meaningOfCode, meaningOfFault } from "./meanings.js";
import * as view from "./view.js";

const where = document.body.dataset;
const auth = createAuth({ baseURL: where.auth, apiOrigins: [new URL(where.orders).origin], fetch: logged(where.auth, view.addRequest) });
const call = caller(view.addRequest);
const provider = createProvider(call, {
  issuer: where.issuer, authorize: where.authorize, token: where.token, client: where.client, redirect: where.redirect,
});
view.frame(new URLSearchParams(location.search).get("tab"));

// One thing at a time. The buttons stay enabled meanwhile: disabling one takes the focus from it.
let busy = false;
async function alone(step) {
  if (busy) return;
  busy = true;
  view.say("");
  try {
    await step();
  } catch (fault) {
    if (fault.code === undefined) {
      view.say("This page made a mistake. Reload it, please.");
      throw fault; // for the console
    }
    refused(fault);
  } finally {
    busy = false;
  }
}

function refused(fault) {
  const sentence = meaningOfFault(fault);
  if (fault.code === "invalid_credentials") view.refuseSignIn(sentence);
  else view.say(sentence);
}

const on = (id, event, step) =>
  document.getElementById(id).addEventListener(event, (e) => {
    e.preventDefault();
    alone(() => step(e));
  });

on("sign-in", "submit", (event) => {
  const fields = new FormData(event.target);
  return auth.signIn({ username: fields.get("username"), password: fields.get("password") });
});

on("provider", "click", () => provider.begin());
on("orders", "click", orders);
on("refresh", "click", () => auth.refresh());
on("log-off", "click", () => auth.signOut());

async function orders() {
  const response = await auth.fetch(where.orders);
  view.showOrders(response.ok ? (await response.json()).orders : null);
}

// What goes wrong in the world. What the client makes of it is in the log of requests.
const trick = (name) => call(`demo-${name}`, `${where.auth}/demo/${name}`);
on("expire", "click", async () => (await trick("expire"), await orders()));
on("rotate", "click", async () => (await trick("rotate"), await orders()));
on("lose", "click", async () => {
  await trick("lose");
  await auth.refresh().catch(() => {}); // it tries again by itself, as the log shows
});
on("outage", "click", async () => {
  await trick("outage");
  await auth.refresh().catch(() => {});
  await orders();
});
on("steal", "click", async () => {
  view.say("The thief waits until the token is old enough: about six seconds.");
  const { status, body } = await trick("steal");
  view.say("");
  if (status === 200) view.addRequest({ method: "POST", url: new URL(`${where.auth}/refresh/`, location.href), status: body.status, code: body.answer.code ?? "", meaning: "This was the thief. Now the owner:" });
  await auth.refresh();
});
on("everywhere", "click", async () => {
  const token = await auth.getAccessToken(); // what a thief of it would hold
  await auth.signOut({ scope: "all" });
  for (let tries = 0; tries < 20; tries++) {
    const { status } = await call("orders", where.orders, { method: "GET", bearer: token });
    if (status === 401) return;
    await new Promise((next) => setTimeout(next, 200));
  }
});

// The token is asked for where it is: nowhere else is it kept.
let shown = "";
async function show() {
  const { status, user, stale } = auth.getSnapshot();
  view.showStale(stale && status === "signed-in");
  if (status === "signed-out") {
    shown = "";
    view.showOutside();
  }
  if (status !== "signed-in") return;
  const token = await auth.getAccessToken().catch(() => null);
  if (!token || token === shown) return;
  shown = token;
  const decoded = decode(token);
  const life = decoded.claims.exp - decoded.claims.iat;
  // Counted from now: the clock of this computer may differ from the server's.
  view.showInside({ user, token: decoded, life, end: Date.now() + life * 1000 });
}

auth.subscribe(show);
auth.on((event) => {
  show();
  if (event === "expired") view.say("The session has ended.");
});

// After a reload the memory is empty. The client asks the other tabs, then the server, whether the cookie, which no script can
// read, still opens a session.
async function arrive() {
  const { tokens, problem } = await provider.finish();
  const failed = problem ?? loginProblem();
  if (tokens) await auth.exchange(tokens);
  else await auth.ready();
  await show();
  if (failed) view.say(failed);
}

// loginProblem takes the reason out of the address with which the server leads back from a login that failed.
function loginProblem() {
  const query = new URLSearchParams(location.search);
  const code = query.get("sallyport_error");
  if (!code) return "";
  history.replaceState(null, "", location.pathname);
  return meaningOfCode(code);
}

alone(arrive).then(() => show());
setInterval(() => view.showLife(), 1000);
