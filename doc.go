// Package sallyport signs people in for single-page apps and the services behind them.
//
// A user signs in with a password, at an identity provider, or with its ID token. Either way the
// browser gets a refresh token in an HttpOnly cookie and a short-lived access token (RFC 9068) in
// the response body. Services verify access tokens on their own, with package verify. The refresh
// token rotates by rules under which a lost response or a second tab signs nobody out and a stolen
// token is found out.
//
// This package is the domain and the use cases: it knows no HTTP and no SQL. Start with [Config]
// and [New]; mount the result with authhttp.New. It is not an OpenID provider, not a user
// directory with screens, and not a session store for server-rendered pages; for a service that knows nothing of
// tokens a proxy can ask who a request comes from (docs/forward.md).
//
// # Map
//
// Data flows straight down and straight back: HTTP, use case, store. One word names a thing from
// the route to the use case: /auth/logoff/, logoff.go, Service.Logoff; verify/ is check.go.
//
//	sallyport.go config.go                  Service, New; Config and what is checked of it
//	user.go session.go identity.go id.go    what things are
//	signin.go exchange.go login.go refresh.go logoff.go password.go sessions.go identities.go check.go account.go    one use case per file
//	backchannellogout.go  ends what a provider says has ended
//	admit.go             who a verified identity is: a known one, a new user, or a link to one
//	flow.go returnto.go  a login that waits for its provider; where a login may lead back
//	limits.go passwordtry.go gate.go        how often something may happen, counted before it does
//	revocations.go feed.go                  what has ended, page by page, for services; what this instance knows of it
//	forward.go sitetoken.go visits.go       who a site token stands for; the token; what this instance remembers of that
//	forgetful.go         a Store around the Store, that has what it ends forgotten
//	sweep.go             removes what nobody needs any more
//	tokens.go            what every successful use case hands out
//	refreshtoken.go csrf.go                 the two strings that name a session
//	claims.go            user attributes, claim functions, reserved names, the size limit
//	claimtemplate.go     claims of any form, made of values of the user
//	keys.go keyline.go   the keys and the key set; which of them signs now
//	rotation.go          who makes the next key, and when
//	secrets.go           everything derived from the root secret
//	audit.go firsts.go   what the log and the audit trail say about a decision; a flood of refusals once a minute
//	store.go             the Store interface: the contract with a database
//	observe.go openapi.go                   how use cases ended, for metrics; the document of the HTTP routes
//	errors.go            the sentinels
//
//	authhttp/            routes, JSON, cookies, CSRF, the client's address, the one table from error to status, Require
//	password/            argon2id and the slots in front of it
//	claimhook/           asks an HTTP service for claims
//	idp/                 identity providers as a relying party sees them
//	idptest/             a fake provider that can be wrong in every way, for tests and the demo
//	sqlite/ postgres/    open a Store in a file, or on a server; internal/sqlstore has the statements
//	storetest/           what every Store must do, as tests
//	contract/            golden HTTP exchanges; openapi.yaml describes them, and is held against every answer in the tests
//	deploy/forward/      configurations of proxies for forward auth
//	web/                 the pages: to sign in, one's account, the demo's, and that for a login that leads nowhere
//	clients/ts/          the client for single-page apps; internal/interop/clientts builds it
//	cmd/sallyport/       the binary: settings, wiring, commands
//	examples/            a program that mounts the handler, a service that verifies
//	verify/              second module, standard library only: what a microservice imports, and verifytest for its tests
//	verifygrpc/          a module of its own: gRPC interceptors around a verifier
//	internal/interop/    another module, never released: held against other libraries, whole sign-ins in Chromium, benchmarks
//	internal/openapi/    holds the answers of the tests against openapi.yaml
//	internal/proof/      breaks things around the real binary; internal/testpg starts PostgreSQL servers for tests
//	internal/storehook/  a function around every call of a Store
//	internal/archtest/   this map as a test: imports point down only
//	internal/realidp/    identity providers that others wrote, for tests; internal/testrun is ./test.sh
//	internal/proxytest/  the configurations of deploy/forward, run in the proxies that they are for
//	internal/pythontest/ a service in Python that reads our tokens with the libraries of others, and its test
//
// docs/contract.md is the public surface, docs/refresh.md the refresh machine, docs/revocations.md the feed of what has
// ended, docs/keys.md the signing keys and the root secret, docs/gateways.md services in other languages, gateways and
// databases, docs/forward.md services behind a proxy that know nothing of tokens, docs/database.md SQLite and PostgreSQL, docs/house.md why the house is built like this, docs/benchmark.md how
// fast it is, docs/providers.md identity providers and how to set each one up, docs/moving.md the way from
// django-rest-microservice, docs/attack-cases.json what the ids in test names mean.
package sallyport
