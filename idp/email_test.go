package idp

import (
	"testing"

	"github.com/sallyport-auth/sallyport"
)

func TestWhatProvidersSayOfAnAddress(t *testing.T) {
	const silent, unverified, verified = sallyport.EmailSilent, sallyport.EmailUnverified, sallyport.EmailVerified
	type rule = func(map[string]any, claimSource) emailWord
	for _, c := range []struct {
		name      string
		rule      rule
		from      claimSource
		claims    map[string]any
		proof     sallyport.EmailProof
		authority authority
	}{
		{"OIDC, true", plainEmail, fromIDToken, map[string]any{"email_verified": true}, verified, byTrust},
		{"OIDC, the string true", plainEmail, fromIDToken, map[string]any{"email_verified": "true"}, silent, byTrust},
		{"OIDC, the string true at UserInfo", plainEmail, fromUserinfo, map[string]any{"email_verified": "true"}, silent, byTrust},
		{"OIDC, false", plainEmail, fromIDToken, map[string]any{"email_verified": false}, unverified, byTrust},
		{"OIDC, the string false", plainEmail, fromIDToken, map[string]any{"email_verified": "false"}, unverified, byTrust},
		{"OIDC, nothing", plainEmail, fromIDToken, map[string]any{}, silent, byTrust},
		{"OIDC, null", plainEmail, fromIDToken, map[string]any{"email_verified": nil}, silent, byTrust},
		{"OIDC, another case", plainEmail, fromIDToken, map[string]any{"Email_Verified": true}, silent, byTrust},
		{"Cognito, the string true in the ID token", cognitoEmail, fromIDToken, map[string]any{"email_verified": "true"}, silent, byTrust},
		{"Cognito, the string true at UserInfo", cognitoEmail, fromUserinfo, map[string]any{"email_verified": "true"}, verified, byTrust},
		{"Cognito, the string false at UserInfo", cognitoEmail, fromUserinfo, map[string]any{"email_verified": "false"}, unverified, byTrust},
		{"Apple, the string true", appleEmail, fromIDToken, map[string]any{"email_verified": "true"}, verified, byTrust},
		{"Apple, TRUE", appleEmail, fromIDToken, map[string]any{"email_verified": "TRUE"}, silent, byTrust},
		{"Google, a Workspace", googleEmail, fromIDToken, map[string]any{"email_verified": true, "hd": "example.com"}, verified, byNature},
		{"Google, gmail.com", googleEmail, fromIDToken, map[string]any{"email_verified": true, "email": "Somebody@Gmail.com"}, verified, byNature},
		{"Google, another address", googleEmail, fromIDToken, map[string]any{"email_verified": true, "email": "somebody@example.com"}, verified, noAuthority},
		{"Google, an empty Workspace", googleEmail, fromIDToken, map[string]any{"email_verified": true, "hd": ""}, verified, noAuthority},
		{"Google, a Workspace that is no string", googleEmail, fromIDToken, map[string]any{"email_verified": true, "hd": true}, verified, noAuthority},
		{"Google, a domain that ends like gmail.com", googleEmail, fromIDToken, map[string]any{"email_verified": true, "email": "a@notgmail.com"}, verified, noAuthority},
		{"Entra, true", entraEmail, fromIDToken, map[string]any{"email_verified": true, "xms_edov": true}, silent, noAuthority},
		{"Entra, false", entraEmail, fromIDToken, map[string]any{"email_verified": false}, silent, noAuthority},
	} {
		if c.claims["email"] == nil {
			c.claims["email"] = "somebody@example.com"
		}
		got := c.rule(c.claims, c.from)
		if want := (emailWord{c.claims["email"].(string), c.proof, c.authority}); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
	if got := plainEmail(map[string]any{"email": 7, "email_verified": true}, fromIDToken); got.address != "" {
		t.Errorf("an address that is no string: %+v", got)
	}
}
