// The authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636) of a page that has no secret.

const stored = "sallyport-demo-login";

export function createProvider(call, idp) {
  // begin leaves the page. The verifier, the state and the nonce wait in sessionStorage: they are
  // worthless to others, for none of them is sent before the code is, which comes back to this tab.
  async function begin() {
    const login = { state: random(), nonce: random(), verifier: random() };
    sessionStorage.setItem(stored, JSON.stringify(login));
    const query = new URLSearchParams({
      response_type: "code", client_id: idp.client, redirect_uri: idp.redirect, scope: "openid email profile",
      state: login.state, nonce: login.nonce,
      code_challenge: await s256(login.verifier), code_challenge_method: "S256",
    });
    location.assign(`${idp.authorize}?${query}`);
  }

  // finish takes the provider's answer out of the address, if there is one, and redeems the code.
  async function finish() {
    const answer = new URLSearchParams(location.search);
    if (!answer.has("state")) return {};
    // At once, so that the code is not in the history, nor sent again by a reload.
    history.replaceState(null, "", location.pathname);
    const login = JSON.parse(sessionStorage.getItem(stored));
    sessionStorage.removeItem(stored);
    // RFC 6749 §10.12: an answer to a question of somebody else would sign this browser in as them.
    if (answer.get("state") !== login?.state) return { problem: "This answer of the provider belongs to no sign-in that began in this tab." };
    // RFC 9207 §2.4: an answer of another provider is not taken for this one's.
    if (answer.has("iss") && answer.get("iss") !== idp.issuer) return { problem: "This is the answer of another provider." };
    if (!answer.has("code")) return { problem: "The provider did not sign you in." };
    const { status, body, meaning } = await call("provider-token", idp.token, {
      form: {
        grant_type: "authorization_code", client_id: idp.client, redirect_uri: idp.redirect,
        code: answer.get("code"), code_verifier: login.verifier,
      },
    });
    if (status !== 200) return { problem: meaning };
    if (typeof body.id_token !== "string") return { problem: "The provider gave no ID token, so there is nothing to exchange." };
    return { tokens: { ...body, nonce: login.nonce } }; // our server compares the nonce with the token's
  }

  return { begin, finish };
}

// random is 256 bits, as RFC 7636 §4.1 recommends for the verifier.
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

const s256 = async (verifier) => base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
