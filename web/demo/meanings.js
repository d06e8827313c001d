// What an answer means, in one sentence. The names of the routes and the codes are those of the contract.

const successes = {
  "sign-in": "The password is right. The access token came in the answer, the refresh token in a cookie that no script can read.",
  "provider-token": "The provider took the code and the PKCE verifier, and gave its own tokens.",
  "social-exchange": "The provider's token was checked and exchanged: one of ours, and a refresh token in a cookie.",
  refresh: "A fresh access token. The refresh token in the cookie was replaced, too.",
  orders: "Orders checked the token by itself, with our public keys. It asked nobody about you.",
  "demo-expire": "Orders will take the next token for an expired one.",
  "demo-rotate": "The next key is published (see Keys below). It signs a day from now, and no token fails on that day.",
  "demo-lose": "The answer to the next refresh will be lost on its way.",
  "demo-outage": "For ten seconds the server answers 503.",
  "demo-steal": "The thief has presented a token that its owner used long ago.",
  csrf: "A CSRF token for a page that was reloaded.",
  logoff: "The session has ended on the server, and the cookies are deleted.",
};

const refusals = {
  no_refresh_token: "This browser holds no session.",
  invalid_credentials: "Wrong username or password. Which of the two is not said, for that would help a thief.",
  token_not_valid: "The access token is refused: it has ended, its key is gone, or its session is over. The page gets another, if it can.",
  session_revoked: "The session has ended. Sign in again.",
  refresh_token_expired: "The session was not used for too long. Sign in again.",
  refresh_token_reused: "An old refresh token came back, which only a thief or a copy sends: the session has ended.",
  idp_token_replayed: "This token of the provider was exchanged before. Each one counts once.",
  idp_token_invalid: "The provider's token failed a check.",
  account_link_required: "Somebody else here has this e-mail address. Accounts are not joined by address alone.",
  idp_denied: "The provider did not sign you in.",
  idp_error: "The provider's answer was not what the standard says. Try again.",
  idp_unavailable: "The provider cannot be reached. Does the demo still run?",
  email_not_verified: "The provider says that this address is not verified, so no account is made of it.",
  invalid_grant: "The provider refuses the code: it was used, is too old, or belongs to another sign-in.",
  store_unavailable: "The server cannot answer for a while. Nobody is signed out by that.",
  overloaded: "The server has too much to do for a while. Nobody is signed out by that.",
  timeout: "The answer takes too long. Does the demo still run?",
  network: "There was no answer. Does the demo still run?",
};

const refusalOf = (code) => (Object.hasOwn(refusals, code) ? refusals[code] : undefined);

// meaningOfCode is for a code from the address, where anybody can write anything.
export const meaningOfCode = (code) => refusalOf(code) ?? (/^[a-z_]{1,40}$/.test(code) ? `The sign-in failed: ${code}.` : "The sign-in failed.");

// meaningOfFault is for an AuthError of the client.
export const meaningOfFault = ({ code, message }) => refusalOf(code) ?? message;

// meaningOf falls back on the sentence that the server itself sends.
export function meaningOf(name, { status, code, body }) {
  if (status >= 200 && status < 300) return successes[name] ?? "";
  return refusalOf(code) ?? body.detail ?? `Refused with status ${status}.`;
}
