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
	address       string
	proof         sallyport.EmailProof
	authoritative bool // the provider is the one to ask about its owner
}

// plainEmail is for a provider that keeps to OpenID Connect Core 1.0 §5.1. Only JSON true is a proof. The string "true"
// is none where nobody documents strings, but "false" is believed: it costs nothing to be careful. That the provider is
// the one to ask is what an operator says by allowing it to link.
func plainEmail(claims map[string]any, _ claimSource) emailWord {
	return emailOf(claims, false)
}

// emailOf takes the string "true" for a proof when texts says that the provider documents strings.
func emailOf(claims map[string]any, texts bool) emailWord {
	address, _ := claims["email"].(string)
	word := emailWord{address: address, authoritative: true}
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
	word.authoritative = domain != "" || strings.HasSuffix(strings.ToLower(word.address), "@gmail.com")
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
