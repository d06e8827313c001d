// What is on the screen. Text enters by textContent alone, so nothing that a server says becomes markup.
import { words } from "./jwt.js";

const $ = (id) => document.getElementById(id);
const longestLog = 50;
let held = null; // what is shown of the session

// frame makes the page fit beside others of its kind.
export function frame(tab) {
  if (!tab) return;
  document.body.classList.add("framed");
  document.title = `Tab ${tab}`;
}

export function showStale(stale) {
  $("stale").hidden = !stale;
}

function element(name, text, ...children) {
  const e = document.createElement(name);
  if (text) e.textContent = text;
  e.append(...children);
  return e;
}

const row = (name, value, ...more) => element("div", "", element("dt", name), element("dd", value, ...more));

// say shows one sentence, which screen readers speak at once; "" takes it away.
export function say(sentence) {
  $("notice").textContent = sentence ?? "";
  if (!sentence) $("password").removeAttribute("aria-invalid");
}

export function refuseSignIn(sentence) {
  say(sentence);
  $("password").setAttribute("aria-invalid", "true");
  $("password").setAttribute("aria-describedby", "notice hint");
  $("password").select(); // the focus too: the next try begins here
}

export function showOutside() {
  const wasInside = swap("inside", "outside");
  $("token").hidden = $("tricks").hidden = true;
  held = null;
  if (wasInside) $("outside-title").focus();
}

export function showInside(session) {
  const wasOutside = swap("outside", "inside");
  $("token").hidden = $("tricks").hidden = false;
  held = session;
  $("inside-title").textContent = `Signed in as ${session.user.username}`;
  $("user").replaceChildren(...facts(session.user));
  $("token-header").replaceChildren(...claims(session.token.header));
  $("token-claims").replaceChildren(...claims(session.token.claims));
  showLife();
  if (wasOutside) {
    $("answer").hidden = true;
    $("inside-title").focus();
  }
}

// swap shows one section for the other, and reports whether the other was there: then the focus, which
// may have been inside it, goes to the new heading.
function swap(from, to) {
  const was = !$(from).hidden;
  $("waiting").hidden = $(from).hidden = true;
  $(to).hidden = false;
  return was;
}

function facts(user) {
  const email = user.email ? `${user.email} (${user.email_verified ? "verified" : "not verified"})` : "none";
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  return [row("Name", name || "none"), row("E-mail", email), row("Groups", user.groups.join(", ") || "none")];
}

const claims = (set) =>
  Object.entries(set).map(([name, value]) => {
    const text = Array.isArray(value) ? value.join(" · ") : String(value);
    let meaning = words[name] ?? "added by the app's settings";
    if (name === "iat" || name === "exp") meaning += `: ${new Date(value * 1000).toLocaleTimeString()}`;
    return row(name, text || "(empty)", element("small", meaning));
  });

// showLife counts down. It compares with the clock each time, so a laptop that slept is not behind.
export function showLife() {
  if (!held) return;
  const seconds = Math.max(0, Math.ceil((held.end - Date.now()) / 1000));
  const over = seconds === 0;
  $("life").textContent = over ? "Expired. The next call gets another." : `${seconds} seconds left`;
  $("life").classList.toggle("over", over);
  $("left").max = held.life;
  $("left").value = seconds;
}

// showOrders shows a list, or takes it away.
export function showOrders(orders) {
  $("answer").hidden = !orders;
  if (orders) $("answer").lastElementChild.replaceChildren(...orders.map((o) => element("li", o.item)));
}

export function addRequest({ method, url, status, code, meaning }) {
  const path = url.origin === location.origin ? url.pathname : url.host + url.pathname;
  const entry = element("li", "",
    element("div", "", element("span", `${method} ${path}`), element("b", status || "no answer"), element("i", code)),
    element("p", meaning));
  entry.firstElementChild.className = "request";
  // To refuse is part of the work; no answer, or 500 and more, is a fault.
  if (status < 200 || status >= 300) entry.classList.add(status >= 400 && status < 500 ? "refused" : "failed");
  $("log").prepend(entry);
  while ($("log").children.length > longestLog) $("log").lastElementChild.remove();
  $("no-requests").hidden = true;
}
