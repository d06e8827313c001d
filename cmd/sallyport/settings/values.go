package settings

import (
	"maps"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/postgres"
)

// Value is one setting as it counts.
type Value struct {
	Key string
	// Value is a string, a bool, an int, a []string, a map[string]string or, for claims.template, a map[string]any; a
	// duration is a string such as "5m", a secret "***", and "" stands for what is not set.
	Value any
	// Origin is "default", or where the value was given ("sallyport.yaml:3", "SALLYPORT_ISSUER",
	// "--issuer"), or "derived from" other settings.
	Origin string
}

const byDefault = "default"

// Values lists every setting, in the order of the documentation. A member of
// idps has a key like "idps[0].name".
func (s *Settings) Values() []Value {
	var values []Value
	for i := range table {
		row := &table[i]
		switch {
		case row.key == "idps" && len(s.IDPs) > 0:
			for j := range s.IDPs {
				values = append(values, s.idpValues(&s.IDPs[j], problemf("idps[%d]", j))...)
			}
		default:
			values = append(values, s.value(row))
		}
	}
	return values
}

func (s *Settings) value(row *setting[Settings]) Value {
	v := Value{row.key, row.value(s), byDefault}
	if at, given := s.places[row.key]; given {
		v.Origin = at.String()
	} else if derive, derived := derivations[row.key]; derived {
		if value, from := derive(s); from != "" {
			v.Value, v.Origin = value, "derived from "+from
		}
	}
	return v
}

// derivations are what settings that nobody sets take from others; from is "" when it is nothing.
var derivations = map[string]func(*Settings) (value any, from string){
	"issuer": func(s *Settings) (any, string) { return s.IssuerAt(0), "listen and path" },
	"path": func(s *Settings) (any, string) {
		if !s.Given("issuer") {
			return nil, ""
		}
		return s.Path, "issuer"
	},
	"secret": func(s *Settings) (any, string) {
		if s.IsPostgres() {
			return nil, ""
		}
		file, _, _ := strings.Cut(filepath.Base(s.DatabaseFile()), "?")
		return masked, "database, beside which it lies in " + file + ".secret"
	},
	"tokens.audience": func(s *Settings) (any, string) { return []string{s.IssuerAt(0)}, "issuer" },
	"tokens.idle_ttl": func(s *Settings) (any, string) {
		if s.Tokens.IdleTTL == bound(standardIdleTTL) {
			return nil, ""
		}
		return brief(s.Tokens.IdleTTL), "tokens.session_ttl"
	},
}

// idpValues leaves out what only other providers have.
func (s *Settings) idpValues(p *IDP, path string) []Value {
	var values []Value
	for i := range idpTable {
		row := &idpTable[i]
		if !row.isOf(p.Provider) {
			continue
		}
		v := Value{path + "." + row.key, row.value(p), byDefault}
		if at, given := s.places[v.Key]; given {
			v.Origin = at.String()
		} else if row.ofProvider != nil {
			v.Value = row.ofProvider[p.Provider]
		}
		values = append(values, v)
	}
	return values
}

// value is what the row's field holds in of.
func (row *setting[T]) value(of *T) any {
	switch held := row.field(of).(type) {
	case *string:
		if row.secret && *held != "" {
			return masked
		}
		return row.public(*held)
	case *[]string:
		return append([]string{}, *held...)
	case *bool:
		return *held
	case **bool:
		if *held != nil {
			return **held
		}
	case *int:
		return *held
	case *time.Duration:
		return brief(*held)
	case *Hash:
		return held.String()
	case *Limit:
		return held.String()
	case *Secret:
		return maskedIf(len(*held) > 0)
	case *HookSecret:
		return maskedIf(len(*held) > 0)
	case *map[string]string:
		return copied(*held)
	case *map[string]any:
		return copied(*held)
	case *[]IDP:
		return []string{}
	}
	return ""
}

// public is what of a value may be shown: of a URL that may hold a token or a password, where it leads.
func (r rule) public(text string) string {
	if r.private && isPostgres(text) {
		return postgres.PublicURL(text)
	}
	if u, err := url.Parse(text); r.private && err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host + "/" + masked
	}
	if before, _, found := strings.Cut(text, "?"); found && r.private {
		return before + "?" + masked
	}
	return text
}

// copied is never nil.
func copied[V any](m map[string]V) map[string]V {
	c := make(map[string]V, len(m))
	maps.Copy(c, m)
	return c
}

func maskedIf(set bool) string {
	if set {
		return masked
	}
	return ""
}

// brief is d without the zero units at its end: 5m, 24h, 1h30m.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
