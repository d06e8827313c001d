package main

import (
	"errors"
	"regexp"
	"strings"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

// settingOf is the setting that fills a field of the Go configurations, whose faults name the field.
var settingOf = map[string]string{
	"Issuer": "issuer", "Audience": "tokens.audience", "Secret": "secret", "OldSecrets": "secret",
	"UserAttributes": "claims.user_attributes", "AccessTTL": "tokens.access_ttl", "SessionTTL": "tokens.session_ttl",
	"IdleTTL": "tokens.idle_ttl", "RetryWindow": "tokens.retry_window", "Providers": "idps",
	"CSRF": "csrf", "TrustedOrigins": "trusted_origins",
	"Cookie.Name": "cookie.name", "Cookie.CSRFName": "cookie.csrf_name", "Cookie.Insecure": "cookie.insecure",
	"Cookie.SameSite": "cookie.same_site", "Cookie.HostPrefix": "cookie.host_prefix", "Cookie.Domain": "cookie.domain",
}

// idpSettingOf is the same for the fields of package idp.
var idpSettingOf = map[string]string{
	"Name": "name", "Issuer": "issuer", "ClientID": "client_id", "Audiences": "audiences", "JWKSURI": "jwks_uri",
	"Region": "region", "UserPool": "user_pool", "MaxTokenAge": "max_token_age",
}

var (
	fieldFault = regexp.MustCompile(`^(?:sallyport|authhttp): ([A-Z]\w*(?:\.[A-Z]\w*)?)(\[\d+\])?:? (.*)$`)
	idpPrefix  = regexp.MustCompile(`^idp\.\w+ "[^"]*": `)
	idpFault   = regexp.MustCompile(`^([A-Z]\w*):? (.*)$`)
)

// explainStart turns the faults that a constructor found in its configuration into faults of the
// settings behind it, and explains every other error.
func explainStart(what string, s *settings.Settings, err error) error {
	if ready, ok := errors.AsType[failure](err); ok {
		ready.what = what
		return ready
	}
	var faults settings.Faults
	provider := "" // whose faults go on over several lines
	for line := range strings.SplitSeq(err.Error(), "\n") {
		field := fieldFault.FindStringSubmatch(line)
		switch {
		case field != nil && settingOf[field[1]] == "idps":
			provider = "idps" + field[2]
			faults = append(faults, providerFault(s, provider, idpPrefix.ReplaceAllString(field[3], "")))
		case field != nil && settingOf[field[1]] != "":
			provider = ""
			faults = append(faults, s.Fault(settingOf[field[1]], field[3]))
		case provider != "":
			faults = append(faults, providerFault(s, provider, line))
		default:
			return explain(what, err)
		}
	}
	return faults
}

func providerFault(s *settings.Settings, provider, problem string) *settings.Fault {
	if field := idpFault.FindStringSubmatch(problem); field != nil && idpSettingOf[field[1]] != "" {
		return s.Fault(provider+"."+idpSettingOf[field[1]], field[2])
	}
	return s.Fault(provider, problem)
}
