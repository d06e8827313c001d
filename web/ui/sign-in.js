// The sign-in page. Without it the form is posted and answered by a page; with it the answer comes into this one.
import { createAuth } from "./client.js";
import { said } from "./said.js";

const $ = (id) => document.getElementById(id);
const where = document.body.dataset;
const auth = createAuth({ baseURL: where.mount });
const { text, meaning } = said(where.texts);

$("reveal").hidden = false;
$("reveal").addEventListener("click", () => {
  const shown = $("password").type === "password";
  $("password").type = shown ? "text" : "password";
  $("reveal").setAttribute("aria-pressed", String(shown));
  $("reveal").textContent = text(shown ? "hide" : "show");
});

let busy = false;
$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  busy = true;
  say("");
  try {
    await auth.signIn({ username: $("username").value, password: $("password").value });
    location.assign(where.return);
    return; // busy until the page is gone
  } catch (fault) {
    refuse(fault);
  }
  busy = false;
});

// The client first finishes a sign-out that the server has not heard of: it would end the session that comes back.
for (const link of document.querySelectorAll(".providers a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    auth.redirect(link.dataset.name, where.return);
  });
}

function refuse(fault) {
  say(meaning(fault));
  const wrong = fault.code === "invalid_credentials";
  $("password").setAttribute("aria-invalid", String(wrong));
  if (wrong) $("password").select();
  $(wrong ? "password" : "notice").focus();
  if (fault.retryAfter) countDown(fault.retryAfter);
}

function say(sentence) {
  $("notice").textContent = sentence;
  $("password").removeAttribute("aria-invalid");
}

// countDown shows how long to wait, by the clock: a laptop may sleep meanwhile. What a screen reader speaks stays as it is.
function countDown(seconds) {
  const end = Date.now() + seconds * 1000;
  const button = $("submit");
  button.disabled = true;
  const tick = setInterval(show, 500);
  show();
  function show() {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.textContent = left > 0 ? text("wait").replace("{time}", clock(left)) : text("sign-in");
    if (left > 0) return;
    clearInterval(tick);
    button.disabled = false;
  }
}

const clock = (s) => `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;

addEventListener("pageshow", (event) => {
  if (event.persisted) busy = false; // back from where the sign-in led
});
