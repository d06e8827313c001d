// The session as a page sees it. The access token and the CSRF token are variables in here: what is
// not in storage cannot be read from it by a script that gets in later.
import { decode } from "./jwt.js";

export function createSession(call, mount) {
  let held = null; // the last token response, decoded

  // take keeps the tokens of a good answer, and returns the problem of any other.
  function take({ status, body, meaning }) {
    if (status !== 200) return meaning;
    held = {
      accessToken: body.access_token,
      csrfToken: body.CSRF_token,
      user: body.user,
      token: decode(body.access_token),
      life: body.expires_in,
      // Counted from the receipt: the clock of this computer may differ from the server's.
      end: Date.now() + body.expires_in * 1000,
    };
    return "";
  }

  // csrf proves to refresh/ and logoff/ that a page of ours asks. After a reload there is none, and the
  // browser's own word, Sec-Fetch-Site: same-origin, stands in for it.
  const csrf = () => (held ? { CSRF_token: held.csrfToken } : {});

  async function signIn(username, password) {
    const answer = await call("sign-in", `${mount}/sign-in/`, { json: { username, password } });
    return { problem: take(answer), wrong: answer.code === "invalid_credentials" };
  }

  async function refresh() {
    const answer = await call("refresh", `${mount}/refresh/`, { json: csrf() });
    if (answer.code === "no_refresh_token" && held) {
      held = null;
      return "The session cookie is gone: you logged off in another tab, or this browser drops Secure cookies over http, as Safari does.";
    }
    if (answer.status === 401) held = null; // anything else ends no session
    return take(answer);
  }

  async function logOff() {
    const { status, meaning } = await call("logoff", `${mount}/logoff/`, { json: csrf() });
    if (status !== 200 && status !== 401) return meaning;
    held = null;
    return "";
  }

  return {
    current: () => held,
    signIn,
    exchange: async (tokens) => take(await call("social-exchange", `${mount}/social-exchange/`, { json: tokens })),
    refresh,
    logOff,
  };
}
