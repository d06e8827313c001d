// Package idp is an identity provider as a relying party sees it: where browsers sign in and out, how a code becomes
// tokens, where the keys are, and every rule that an ID token or a logout token must pass before it is believed
// (OpenID Connect Core 1.0 §3.1.3.7, Back-Channel Logout 1.0 §2.6, RFC 8725, RFC 9207, and what each provider does in
// its own way).
//
// Start with the type of your provider, [Cognito], [Google], [Entra], [Apple] or [GitHub], or with [OIDC] for every
// other; all go into sallyport.Config.Providers. The package knows nothing of users, sessions or linking.
package idp
