package idp

import (
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// claimSource says where claims come from: some providers write the same claim differently in each.
type claimSource int

const (
	fromIDToken claimSource = iota
	fromUserinfo
)

// emailWord is what a provider says of an address.
type emailWord struct {
	address   string
	proof     sallyport.EmailProof
	authority authority
}

// authority says whether the provider is the one to ask about the owner of an address.
type authority int

const (
	noAuthority authority = iota
	// byTrust: the operator says so, by allowing the provider to link.
	byTrust
	// byNature: the address is the provider's own to give.
	byNature
)

// authoritative is what the authority comes to under a policy. A provider that may not link has no word either in who
// else may link: whoever it lets choose an address would be waiting in an account for the address's owner.
func (a authority) authoritative(policy sallyport.ProviderPolicy) bool {
	return a == byNature || a == byTrust && policy.Linking == sallyport.LinkVerifiedEmail
}

// plainEmail is for a provider that keeps to OpenID Connect Core 1.0 §5.1. Only JSON true is a proof. The string "true"
// is none where nobody documents strings, but "false" is believed: it costs nothing to be careful.
func plainEmail(claims map[string]any, _ claimSource) emailWord {
	return emailOf(claims, false)
}

// emailOf takes the string "true" for a proof when texts says that the provider documents strings.
func emailOf(claims map[string]any, texts bool) emailWord {
	address, _ := claims["email"].(string)
	word := emailWord{address: address, authority: byTrust}
	switch verified := claims["email_verified"]; {
	case verified == true, verified == "true" && texts:
		word.proof = sallyport.EmailVerified
	case verified == false, verified == "false":
		word.proof = sallyport.EmailUnverified
	}
	return word
}

// googleEmail: Google is the one to ask about addresses of gmail.com, and of a Workspace, whose tokens have hd. Any
// other address was somebody's when the account was made, and may be somebody else's today.
func googleEmail(claims map[string]any, from claimSource) emailWord {
	word := plainEmail(claims, from)
	domain, _ := claims["hd"].(string)
	word.authority = noAuthority
	if domain != "" || strings.HasSuffix(strings.ToLower(word.address), "@gmail.com") {
		word.authority = byNature
	}
	return word
}

// entraEmail: an administrator of any tenant can write any address, so it is never a proof, and never links.
func entraEmail(claims map[string]any, from claimSource) emailWord {
	return emailWord{address: plainEmail(claims, from).address}
}

// appleEmail: Apple documents email_verified as a string or a boolean.
func appleEmail(claims map[string]any, _ claimSource) emailWord {
	return emailOf(claims, true)
}

// cognitoEmail: a boolean in the ID token, a string in UserInfo.
func cognitoEmail(claims map[string]any, from claimSource) emailWord {
	return emailOf(claims, from == fromUserinfo)
}
