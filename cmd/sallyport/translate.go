package main

import (
	"errors"
	"regexp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

// settingOf is the setting that fills a field of the Go configurations, whose faults name the field.
var settingOf = map[string]string{
	"sallyport.Issuer": "issuer", "sallyport.Audience": "tokens.audience", "sallyport.Secret": "secret", "sallyport.OldSecrets": "secret",
	"sallyport.Algorithm": "tokens.alg", "sallyport.AudienceAlgorithm": "tokens.audience_alg", "sallyport.ClaimTemplate": "claims.template", "sallyport.KeyRotation": "tokens.key_rotation",
	"sallyport.AccessTTL": "tokens.access_ttl", "sallyport.SessionTTL": "tokens.session_ttl",
	"sallyport.IdleTTL": "tokens.idle_ttl", "sallyport.RetryWindow": "tokens.retry_window",
	"sallyport.UserAttributes": "claims.user_attributes", "sallyport.ClaimsTimeout": "claims.hook.timeout",
	"sallyport.Limits.Account": "limits.account", "sallyport.Limits.Address": "limits.address", "sallyport.Limits.Session": "limits.session",
	"sallyport.Limits.Sessions": "limits.sessions", "sallyport.Limits.Login": "limits.login", "sallyport.ReturnTo": "return_to",
	"sallyport.EventRetention": "events.retention", "sallyport.PasswordMinLength": "password.min_length",
	"sallyport.Password": "password.hash", "sallyport.Providers": "idps",

	"authhttp.CSRF": "csrf", "authhttp.TrustedOrigins": "trusted_origins", "authhttp.TrustedProxies": "trusted_proxies",
	"authhttp.Cookie.Name": "cookie.name", "authhttp.Cookie.CSRFName": "cookie.csrf_name", "authhttp.Cookie.Insecure": "cookie.insecure",
	"authhttp.Cookie.SameSite": "cookie.same_site", "authhttp.Cookie.HostPrefix": "cookie.host_prefix", "authhttp.Cookie.Domain": "cookie.domain",

	"authhttp.Forward.CookieName": "forward.cookie_name", "authhttp.Forward.CookieDomain": "forward.cookie_domain", "authhttp.Forward.SignIn": "forward.sign_in",

	"claimhook.URL": "claims.hook.url", "claimhook.Secret": "claims.hook.secret", "claimhook.Timeout": "claims.hook.timeout",
}

// indexed is a field with the index of an item: "Providers[0]", and what is inside it.
var indexed = regexp.MustCompile(`^([A-Za-z.]+)(\[\d+\])(?:\.(.*))?$`)

// explainStart turns the faults that a constructor found in its configuration into faults of the
// settings behind it, and explains every other error.
func explainStart(what string, s *settings.Settings, err error) error {
	if !s.IsPostgres() {
		if denied := explainDenied(what, s.DatabaseFile(), err); denied != nil { // the secret beside it
			return denied
		}
	}
	if ready, ok := errors.AsType[failure](err); ok {
		ready.what = what
		return ready
	}
	var faults settings.Faults
	for _, e := range sallyport.ConfigErrors(err) {
		key := settingFor(e)
		if key == "" {
			return explain(what, err)
		}
		faults = append(faults, s.Fault(key, e.Problem))
	}
	if len(faults) == 0 {
		return explain(what, err)
	}
	return faults
}

// settingFor is the setting behind the field of a fault, "" when there is none.
func settingFor(e *sallyport.ConfigError) string {
	field, index, member := e.Package+"."+e.Field, "", ""
	if parts := indexed.FindStringSubmatch(field); parts != nil {
		field, index, member = parts[1], parts[2], parts[3]
	}
	key := settingOf[field]
	if key != "idps" {
		return key
	}
	if member = settings.IDPMember(member); member != "" {
		member = "." + member
	}
	return key + index + member
}
