// Authorization code with PKCE (RFC 7636), for a page that talks to its identity provider itself. The tokens that it gets
// are for exchange() alone: it is the server that verifies them.
import { AuthError } from "./index.js";
import type { IdpTokens } from "./index.js";

/** A provider, in the names of its own metadata (RFC 8414), and this app's registration there. */
export interface Idp {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  client_id: string;
  /** Where the provider leads back to, as it is registered: one for each provider. Default: this page, without query and fragment. */
  redirect_uri?: string;
  /** Default "openid email profile". */
  scope?: string;
  /** The provider always names itself in its answer (RFC 9207). One that does so is checked in any case. */
  authorization_response_iss_parameter_supported?: boolean;
  /** Further parameters of the authorization request: prompt, login_hint, identity_provider. */
  params?: Record<string, string>;
}

/** An Amazon Cognito user pool; domain is the host of its sign-in pages. */
export function cognito(pool: {
  region: string;
  user_pool: string;
  domain: string;
  client_id: string;
  redirect_uri?: string;
  scope?: string;
  params?: Record<string, string>;
}): Idp {
  const { region, user_pool, domain, ...rest } = pool;
  const at = `https://${domain}/oauth2/`;
  return {
    issuer: `https://cognito-idp.${region}.amazonaws.com/${user_pool}`,
    authorization_endpoint: at + "authorize",
    token_endpoint: at + "token",
    ...rest,
  };
}

interface Flow {
  /** To whom alone the code is taken (RFC 9700 §4.4). */
  issuer: string;
  verifier: string;
  nonce: string;
  redirect_uri: string;
}

const prefix = "sallyport:pkce:";
const limit = 15_000;

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=/g, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Leaves for the provider. What finish needs stays in the sessionStorage of this tab. */
export async function begin(idp: Idp): Promise<void> {
  const state = random();
  const flow: Flow = { issuer: idp.issuer, verifier: random(), nonce: random(), redirect_uri: idp.redirect_uri ?? location.origin + location.pathname };
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
    code_challenge_method: "S256",
  })) {
    url.searchParams.set(name, value);
  }
  location.assign(url);
}

/**
 * Reads the provider's answer off the address of this page; null when there is none. Call it at every load. Rejects with
 * state_mismatch (not begun in this tab, or finished already), issuer_mismatch (RFC 9207), idp_denied, idp_error (the token
 * endpoint refused), idp_unavailable (it did not answer, or not with JSON) or idp_token_invalid (another nonce). The
 * address is clean by then.
 */
export async function finish(idp: Idp): Promise<IdpTokens | null> {
  const url = new URL(location.href);
  const answer: Record<string, string> = Object.fromEntries(url.searchParams);
  const { state, code, error, iss } = answer;
  if (!state || !(code || error)) return null;
  // A code works once: neither a reload nor the history should offer it again.
  for (const name of ["state", "code", "error", "error_description", "error_uri", "iss", "session_state"]) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);

  const kept = sessionStorage.getItem(prefix + state);
  if (!kept) throw new AuthError("state_mismatch", 400);
  sessionStorage.removeItem(prefix + state);
  const { issuer, verifier, nonce, redirect_uri }: Flow = JSON.parse(kept);
  // RFC 9207: the code of one provider must not be taken to another.
  if (issuer !== idp.issuer || (iss ? iss !== issuer : idp.authorization_response_iss_parameter_supported)) throw new AuthError("issuer_mismatch", 400);
  if (!code) throw new AuthError("idp_denied", 400, answer["error_description"] ?? error);

  let tokens: IdpTokens;
  try {
    const response = await fetch(idp.token_endpoint, {
      method: "POST",
      redirect: "error",
      signal: AbortSignal.timeout(limit),
      body: new URLSearchParams({ grant_type: "authorization_code", client_id: idp.client_id, code, redirect_uri, code_verifier: verifier }),
    });
    tokens = await response.json();
    if (!response.ok) throw new AuthError("idp_error", response.status);
  } catch (e) {
    throw e instanceof AuthError ? e : new AuthError("idp_unavailable", 0);
  }
  // The server checks the nonce again, and the signature.
  if (claim(tokens.id_token, "nonce") !== nonce) throw new AuthError("idp_token_invalid", 401);
  delete tokens.refresh_token; // nobody here has a use for it
  return { ...tokens, nonce };
}

function claim(token: string, name: string): unknown {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")))[name];
  } catch {
    return undefined;
  }
}
