// The account page: who one is, where one is signed in, by which providers, and another password. It is a shell for
// everybody; what is in it comes by the session of this browser. All text enters by textContent.
import { createAuth } from "./client.js";
import { said } from "./said.js";

const $ = (id) => document.getElementById(id);
const where = document.body.dataset;
const auth = createAuth({ baseURL: where.mount });
const { text, meaning } = said(where.texts);
const providers = JSON.parse(where.providers); // name to title
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function element(name, content, ...children) {
  const e = document.createElement(name);
  if (content) e.textContent = content;
  e.append(...children);
  return e;
}

function say(sentence, done) {
  $("notice").textContent = sentence;
  $("done").textContent = typeof done === "string" ? done : "";
}

// One thing at a time, and every refusal in words.
let busy; // what is being done
async function alone(step, done) {
  if (busy) return;
  busy = Promise.resolve().then(() => tell(step, done)); // it is under way before the step changes anything
  await busy;
  busy = undefined;
}

async function tell(step, done) {
  say("");
  try {
    const result = await step();
    say("", done ?? result);
  } catch (fault) {
    say(meaning(fault));
    $("notice").focus();
  }
}

const on = (id, event, step, done) =>
  $(id).addEventListener(event, (e) => {
    e.preventDefault();
    alone(() => step(e), done);
  });

async function ask(path, method = "GET", body) {
  const response = await auth.fetch(`${where.mount}/${path}`, {
    method, headers: body && { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { code: answer.code });
  return answer;
}

async function showAll() {
  const [user, sessions, { identities }] = await Promise.all([ask("user/"), auth.sessions.list(), ask("identities/")]);
  $("who").replaceChildren(...facts(user));
  $("username").value = user.username ?? "";
  $("devices").replaceChildren(...sessions.map(device));
  $("end-others").disabled = sessions.every((s) => s.current);
  $("no-identities").hidden = identities.length > 0;
  $("identities").replaceChildren(...identities.map(identity));
  const linked = new Set(identities.map((i) => i.provider));
  $("link").replaceChildren(...Object.keys(providers).filter((name) => !linked.has(name)).map(linkTo));
}

const order = ["username", "first_name", "last_name", "email", "email_verified", "groups"]; // then what else there is

const facts = (user) =>
  [...new Set([...order, ...Object.keys(user)])]
    .map((name) => [name, user[name] ?? ""])
    .filter(([, value]) => value !== "" && value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => element("div", "", element("dt", text(`field:${name}`).replace("field:", "")), element("dd", shown(value))));

const shown = (value) =>
  typeof value === "boolean" ? text(value ? "yes" : "no") : Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);

function device(s) {
  const name = element("strong", browserOf(s.user_agent));
  const what = element("div", "", name);
  if (s.current) what.append(element("mark", text("this-device")));
  what.append(element("small", [text("last-used").replace("{time}", day.format(new Date(s.last_used_at))), s.ip].filter(Boolean).join(" · ")));
  what.append(element("small", [text("since").replace("{time}", day.format(new Date(s.created_at))), providers[s.provider] ?? s.provider].filter(Boolean).join(" · ")));
  if (s.current) return element("li", "", what);
  return element("li", "", what, button("end", name.textContent, () => auth.sessions.revoke(s.id).then(showAll), "ended", "devices-title"));
}

function identity(i) {
  const title = providers[i.provider] ?? i.provider;
  const what = element("div", "", element("strong", title), element("small", text("since").replace("{time}", day.format(new Date(i.created_at)))));
  return element("li", "", what, button("unlink", title, () => ask(`identities/${i.id}/`, "DELETE").then(showAll), "unlinked", "identities-title"));
}

// button does something to one row, and says to screen readers to which. The row is gone then, so the focus goes to the
// heading of the list.
function button(word, of, step, done, heading) {
  const b = element("button", text(word));
  b.type = "button";
  b.setAttribute("aria-label", `${text(word)}: ${of}`);
  b.addEventListener("click", () => alone(() => step().then(() => $(heading).focus()), text(done)));
  return b;
}

function linkTo(name) {
  const b = element("button", text("link").replace("{provider}", providers[name]));
  b.type = "button";
  b.addEventListener("click", () => alone(async () => {
    const { location: to } = await ask(`identities/${name}/`, "POST", { return_to: location.href });
    location.assign(to);
  }));
  return b;
}

// browserOf is a guess for people; the whole string says more and is read by nobody.
function browserOf(agent) {
  const find = (table) => table.find(([word]) => agent.includes(word))?.[1];
  const browser = find([["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"], ["curl/", "curl"]]);
  const system = find([["Windows", "Windows"], ["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Mac OS X", "macOS"], ["Linux", "Linux"]]);
  return [browser, system].filter(Boolean).join(", ") || agent.slice(0, 60) || text("unknown-device");
}

on("end-others", "click", () => auth.signOut({ scope: "others" }).then(showAll), text("ended-others"));
on("end-all", "click", () => auth.signOut({ scope: "all" }));
on("sign-out", "click", () => auth.signOut());

on("password", "submit", async (event) => {
  for (const id of ["current", "new"]) fault(id, "");
  try {
    await auth.changePassword({ current_password: $("current").value, new_password: $("new").value });
  } catch (refused) {
    if (refused.code === "invalid_credentials") return fault("current", text("wrong-password"));
    if (refused.fields?.new_password) return fault("new", refused.fields.new_password.join(" "));
    throw refused;
  }
  event.target.reset();
  await showAll();
  return text("password-changed");
});

// fault ties a sentence to its field, which gets the focus.
function fault(id, sentence) {
  $(`${id}-fault`).textContent = sentence;
  if (!sentence) return $(id).removeAttribute("aria-invalid");
  $(id).setAttribute("aria-invalid", "true");
  $(id).focus();
}

// A link of an identity that failed leads back here with a code.
let code = new URLSearchParams(location.search).get("sallyport_error");
if (code) history.replaceState(null, "", location.pathname);

// follow shows what the session of this browser is now, which another tab can change. What could not be shown is tried
// again with the next event.
let inside; // who is shown, as JSON
async function follow() {
  await busy;
  const { status, user, stale } = auth.getSnapshot();
  if (status === "unknown") return stale && say(text("code:network")); // it goes on asking
  if (status === "signed-out") return location.replace(`${where.mount}/ui/sign-in/?return_to=${encodeURIComponent(location.pathname)}`);
  const who = JSON.stringify(user);
  if (busy || who === inside) return;
  $("waiting").hidden = true;
  $("inside").hidden = $("sign-out").hidden = false;
  await alone(async () => {
    await showAll();
    inside = who;
  });
  if (code && inside === who) {
    say(meaning({ code }));
    code = "";
  }
}

auth.on((event) => {
  if (event === "signed-in") inside = undefined; // somebody else, whom the user view may not tell apart
  follow();
});
auth.subscribe(follow);
auth.ready().then(follow, (fault) => say(meaning(fault)));
