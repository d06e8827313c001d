// Reading an access token, to show it. Nothing is checked: that is the work of those who trust it.

// decode returns header and claims of a compact JWS (RFC 7515 §3.1).
export function decode(token) {
  const [header, claims] = token.split(".").slice(0, 2).map((part) => {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  });
  return { header, claims };
}

// words says what a header parameter or a claim is (RFC 7515 §4.1, RFC 9068 §2.2). What is not here
// was added by the app's own settings.
export const words = {
  alg: "how it is signed",
  kid: "which of our keys signed it",
  typ: "an access token, and no other kind",
  iss: "who made it",
  aud: "for whom: each service looks for its name",
  client_id: "which app asked for it",
  token_type: "what it is, for older services",
  sub: "who you are: an id that never changes",
  user_id: "the same, for older services",
  sid: "your session",
  jti: "this very token",
  iat: "when it was made",
  exp: "when it ends",
};
