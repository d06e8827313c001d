// pkce.ts
import { AuthError } from "./index.js";
function cognito(pool) {
  const { region, user_pool, domain, ...rest } = pool;
  const at = `https://${domain}/oauth2/`;
  return {
    issuer: `https://cognito-idp.${region}.amazonaws.com/${user_pool}`,
    authorization_endpoint: at + "authorize",
    token_endpoint: at + "token",
    ...rest
  };
}
var prefix = "sallyport:pkce:";
var limit = 15e3;
var base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
var random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
async function begin(idp) {
  const state = random();
  const flow = { issuer: idp.issuer, verifier: random(), nonce: random(), redirect_uri: idp.redirect_uri ?? location.origin + location.pathname };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(flow.verifier));
  sessionStorage.setItem(prefix + state, JSON.stringify(flow));
  const url = new URL(idp.authorization_endpoint);
  for (const [name, value] of Object.entries({
    ...idp.params,
    response_type: "code",
    client_id: idp.client_id,
    redirect_uri: flow.redirect_uri,
    scope: idp.scope ?? "openid email profile",
    state,
    nonce: flow.nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256"
  })) {
    url.searchParams.set(name, value);
  }
  location.assign(url);
}
async function finish(idp) {
  const url = new URL(location.href);
  const answer = Object.fromEntries(url.searchParams);
  const { state, code, error, iss } = answer;
  if (!state || !(code || error)) return null;
  for (const name of ["state", "code", "error", "error_description", "error_uri", "iss", "session_state"]) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
  const kept = sessionStorage.getItem(prefix + state);
  if (!kept) throw new AuthError("state_mismatch", 400);
  sessionStorage.removeItem(prefix + state);
  const { issuer, verifier, nonce, redirect_uri } = JSON.parse(kept);
  if (issuer !== idp.issuer || (iss ? iss !== issuer : idp.authorization_response_iss_parameter_supported)) throw new AuthError("issuer_mismatch", 400);
  if (!code) throw new AuthError("idp_denied", 400, answer["error_description"] ?? error);
  let tokens;
  try {
    const response = await fetch(idp.token_endpoint, {
      method: "POST",
      redirect: "error",
      signal: AbortSignal.timeout(limit),
      body: new URLSearchParams({ grant_type: "authorization_code", client_id: idp.client_id, code, redirect_uri, code_verifier: verifier })
    });
    tokens = await response.json();
    if (!response.ok) throw new AuthError("idp_error", response.status);
  } catch (e) {
    throw e instanceof AuthError ? e : new AuthError("idp_unavailable", 0);
  }
  if (claim(tokens.id_token, "nonce") !== nonce) throw new AuthError("idp_token_invalid", 401);
  delete tokens.refresh_token;
  return { ...tokens, nonce };
}
function claim(token, name) {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")))[name];
  } catch {
    return void 0;
  }
}
export {
  begin,
  cognito,
  finish
};
