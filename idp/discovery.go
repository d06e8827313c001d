package idp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// maxDiscovery bounds a discovery document, in bytes.
const maxDiscovery = 512 << 10

// locator finds the key set of an issuer and what else is known of the issuer from there.
type locator struct {
	keySet func(context.Context) (string, error)
	// announced are the algorithms that the provider says it signs with; nil when it has not said.
	announced *atomic.Pointer[[]string]
}

// fixed is for a provider whose address of the keys is known.
func fixed(jwksURI string) locator {
	return locator{
		keySet:    func(context.Context) (string, error) { return jwksURI, nil },
		announced: new(atomic.Pointer[[]string]),
	}
}

// newDiscovery asks the discovery document before each fetch of the keys. That is at most every few
// minutes, and a provider that was down at the start needs no restart.
func newDiscovery(issuer string, client *http.Client) locator {
	l := locator{announced: new(atomic.Pointer[[]string])}
	l.keySet = func(ctx context.Context) (string, error) {
		document, err := fetchDiscovery(ctx, issuer, client)
		if err != nil {
			return "", fmt.Errorf("discovery of %s: %w", issuer, err)
		}
		if algorithms, ok := strictjson.Strings(document["id_token_signing_alg_values_supported"]); ok {
			l.announced.Store(&algorithms)
		}
		jwksURI, _ := document["jwks_uri"].(string)
		return jwksURI, checkURL("jwks_uri", jwksURI)
	}
	return l
}

// fetchDiscovery reads the document and checks that it is this issuer's (OpenID Connect Discovery 1.0
// §4.3): otherwise one provider could speak for another.
func fetchDiscovery(ctx context.Context, issuer string, client *http.Client) (map[string]any, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxDiscovery+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxDiscovery {
		return nil, fmt.Errorf("longer than %d bytes", maxDiscovery)
	}
	document, err := strictjson.ParseObject(data)
	if err != nil {
		return nil, err
	}
	if document["issuer"] != issuer {
		return nil, errors.New("the document is that of another issuer")
	}
	return document, nil
}

// allows reports whether the provider says that it signs with alg, or has said nothing. RFC 9864's
// name for EdDSA with Ed25519 is the same algorithm.
func (l locator) allows(alg jws.Algorithm) bool {
	announced := l.announced.Load()
	if announced == nil {
		return true
	}
	for _, name := range *announced {
		if name == string(alg) || name == "Ed25519" && alg == jws.EdDSA {
			return true
		}
	}
	return false
}
