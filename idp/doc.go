// Package idp is an identity provider as a relying party sees it: where its keys are, and every rule
// that one of its ID tokens must pass before its subject is believed (OpenID Connect Core 1.0
// §3.1.3.7, RFC 8725, and what each provider does in its own way).
//
// Start with [Cognito] for Amazon Cognito and [OIDC] for every other OpenID provider; both go into
// sallyport.Config.Providers. The package verifies tokens that an app has obtained; it knows nothing
// of users, sessions or linking.
package idp
