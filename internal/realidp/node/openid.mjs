// The certified provider oidc-provider, as package realidp runs it for a test: a login form, consent given, keys of three kinds,
// and nothing that would change a token. It reads settings.json in its working directory:
//   port      on 127.0.0.1; the issuer is http://localhost:PORT
//   accounts  { NAME: { password, claims } }, claims with "sub"
//
// The test tells it what to be, which nobody may at a real provider:
//   POST /test/settings  { clients, thin }: its clients as OpenID Connect Dynamic Client Registration 1.0 §2 writes them; with
//                        thin, what a scope asks for is at UserInfo alone (conformIdTokenClaims)
//   POST /test/keys      { keep }: new keys sign; the earlier ones are published still if keep is true
//   GET  /test/state     { notices, faults }: logout tokens that were delivered, by client, and what went wrong
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import './node18.mjs';

const { Provider } = await import('oidc-provider');
const { createMemoryAdapter } = await import('oidc-provider/lib/adapters/memory_adapter.js');

const { port, accounts } = JSON.parse(readFileSync('settings.json', 'utf8'));
const issuer = `http://localhost:${port}`;
const bySubject = new Map(Object.values(accounts).map(({ claims }) => [claims.sub, claims]));

const kinds = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const newKeys = () => Object.entries(kinds).map(([alg, generate]) => (
  { ...generate().privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${alg} ${randomUUID()}` }));

const cookieKeys = [randomUUID()];
const memory = createMemoryAdapter(); // left to itself each provider would make its own
const state = { notices: [], faults: [] };
const settings = { clients: [], thin: false };
let keys = newKeys();
let provider;

// build makes the provider anew. Sessions, grants and codes stay.
function build() {
  provider = new Provider(issuer, {
    adapter: memory,
    clients: settings.clients,
    conformIdTokenClaims: settings.thin,
    jwks: { keys },
    cookies: { keys: cookieKeys },
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: Object.keys(kinds) },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'preferred_username'] },
    findAccount: (_ctx, sub) => bySubject.has(sub) && { accountId: sub, claims: async () => bySubject.get(sub) },
    interactions: { url: (_ctx, { uid }) => `/form/${uid}` },
    loadExistingGrant: consent,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => true,
    // A page of any origin that is a client's may read the answers: Fetch has no other way to the token endpoint.
    clientBasedCORS: (_ctx, origin, client) => client.redirectUris.some((uri) => new URL(uri).origin === origin),
    // Its own fetch refuses loopback, where the test listens for logout tokens.
    fetch: (url, { method, headers, body, signal }) => fetch(url, { method, headers, body, signal, redirect: 'manual' }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 3600 },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: askForLogout, postLogoutSuccessSource: (ctx) => { ctx.body = page('<p id=ended>Signed out'); } },
    },
    renderError: (ctx, error) => { ctx.type = 'json'; ctx.body = error; },
  });
  provider.on('backchannel.success', (_ctx, client) => state.notices.push(client.clientId));
  for (const event of ['backchannel.error', 'authorization.error', 'grant.error', 'server_error', 'end_session.error']) {
    provider.on(event, (_ctx, error) => state.faults.push(`${event}: ${error.error ?? error.name}: ${error.error_description ?? error.message}`));
  }
}

// consent is given for whatever is asked, without a page.
async function consent({ oidc: { provider: { Grant }, client, session, params, result } }) {
  const id = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const grant = (id && await Grant.find(id)) || new Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

const page = (content) => `<!doctype html><meta charset=utf-8><title>oidc-provider</title>${content}`;

function askForLogout(ctx, form) {
  ctx.body = page(`${form}<button id=end form="op.logoutForm" name="logout" value="yes">Sign out</button>`);
}

// form is where a person signs in. A wrong password shows it again.
async function form(req, res) {
  await provider.interactionDetails(req, res); // refuses who has not come from an authorization request
  let wrong = '';
  if (req.method === 'POST') {
    const entered = new URLSearchParams(await body(req));
    const account = Object.hasOwn(accounts, entered.get('username')) && accounts[entered.get('username')];
    if (account && account.password === entered.get('password')) {
      return provider.interactionFinished(req, res, { login: { accountId: account.claims.sub } }, { mergeWithLastSubmission: false });
    }
    wrong = '<p role=alert>Wrong name or password';
  }
  return send(res, 'text/html', page(`${wrong}<form method="post" action="${req.url}">
<input type="text" name="username"><input type="password" name="password"><button>Sign in</button></form>`));
}

async function body(req) {
  let text = '';
  for await (const chunk of req.setEncoding('utf8')) text += chunk;
  return text;
}

const send = (res, type, text) => res.writeHead(200, { 'Content-Type': type }).end(text);

const told = {
  '/test/settings': (wanted) => { Object.assign(settings, wanted); build(); },
  '/test/keys': ({ keep }) => { keys = [...newKeys(), ...(keep ? keys : [])]; build(); },
  '/test/state': () => state,
};

async function serve(req, res) {
  const tell = told[req.url];
  if (tell) return send(res, 'application/json', JSON.stringify(tell(req.method === 'POST' ? JSON.parse(await body(req)) : undefined) ?? {}));
  if (req.url.startsWith('/form/')) return form(req, res);
  return provider.callback()(req, res);
}

build();
createServer((req, res) => serve(req, res).catch((error) => {
  console.error(error);
  res.writeHead(500).end(String(error));
})).listen(port, '127.0.0.1', () => console.log(`listening as ${issuer}`));
