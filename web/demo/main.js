// The page: it connects the forms and buttons with the session, the provider and the view.
import { caller } from "./call.js";
import { createSession } from "./session.js";
import { createProvider } from "./pkce.js";
import { meaningOfCode } from "./meanings.js";
import * as view from "./view.js";

const where = document.body.dataset;
const call = caller(view.addRequest);
const session = createSession(call, where.auth);
const provider = createProvider(call, {
  issuer: where.issuer, authorize: where.authorize, token: where.token, client: where.client, redirect: where.redirect,
});

// One thing at a time. The buttons stay enabled meanwhile: disabling one takes the focus from it.
let busy = false;
async function alone(step) {
  if (busy) return;
  busy = true;
  view.say("");
  try {
    await step();
  } catch (fault) {
    view.say("This page made a mistake. Reload it, please.");
    throw fault; // for the console
  } finally {
    busy = false;
  }
}

const on = (id, event, step) =>
  document.getElementById(id).addEventListener(event, (e) => {
    e.preventDefault();
    alone(() => step(e));
  });

on("sign-in", "submit", async (event) => {
  const fields = new FormData(event.target);
  const { problem, wrong } = await session.signIn(fields.get("username"), fields.get("password"));
  if (wrong) view.refuseSignIn(problem);
  else show(problem);
});

on("provider", "click", () => provider.begin());

on("orders", "click", async () => {
  const { status, body } = await call("orders", where.orders, { method: "GET", bearer: session.current().accessToken });
  view.showOrders(status === 200 ? body.orders : null);
});

on("refresh", "click", async () => show(await session.refresh()));

on("log-off", "click", async () => show(await session.logOff()));

function show(problem) {
  if (session.current()) view.showInside(session.current());
  else view.showOutside();
  view.say(problem);
}

// After a reload the memory is empty, and only the server knows whether the cookie, which no script
// can read, still opens a session. So it is asked; that nobody is signed in yet is no problem to tell.
async function arrive() {
  const { tokens, problem } = await provider.finish();
  const refused = tokens ? await session.exchange(tokens) : problem ?? loginProblem();
  if (!session.current()) await session.refresh();
  show(refused);
}

// loginProblem takes the reason out of the address with which the server leads back from a login that failed.
function loginProblem() {
  const query = new URLSearchParams(location.search);
  const code = query.get("sallyport_error");
  if (!code) return "";
  history.replaceState(null, "", location.pathname);
  return meaningOfCode(code);
}

alone(arrive);
setInterval(() => view.showLife(session.current()), 1000);
