package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// maxKeySetBytes bounds the answer, after decompression.
const maxKeySetBytes = 512 << 10

// fetch asks for the set once. Every answer but a set with a usable key is an error.
func (s *KeySet) fetch(ctx context.Context) ([]*jws.Key, error) {
	address, err := s.locate(ctx)
	if err != nil {
		return nil, fmt.Errorf("locating the key set: %w", err)
	}
	if _, err := checkAddress(address); err != nil {
		return nil, fmt.Errorf("address of the key set: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("address of the key set: is not an absolute address")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	request.Header.Set("Cache-Control", "no-cache") // a cache on the way must not hide that a key was withdrawn
	request.Close = true                            // the next fetch is minutes away
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching %s: status %d; is the issuer the full URL of the mount?", address, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	if len(body) > maxKeySetBytes {
		return nil, fmt.Errorf("reading the key set: more than %d bytes", maxKeySetBytes)
	}
	return jws.ParseKeySet(body)
}

// Confine is a copy of c that follows redirects only within their origin, whatever else c says about them.
func Confine(c *http.Client) *http.Client {
	copied := *c
	copied.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if err := sameOrigin(request, via); err != nil || c.CheckRedirect == nil {
			return err
		}
		return c.CheckRedirect(request, via)
	}
	return &copied
}

const maxRedirects = 3

// sameOrigin refuses redirects to another scheme, host or port: the answer of one server is no reason to talk to
// another, least of all to one that only this process can reach.
func sameOrigin(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	if request.URL.Scheme != first.Scheme || request.URL.Host != first.Host {
		return errors.New("redirect to another origin refused")
	}
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	return nil
}

// HTTPClient makes a client for addresses that a configuration or a discovery document names. It follows redirects only
// within the origin of the request and decides at the moment of connecting, when the name has been resolved, whether the
// address may be talked to: link-local ones, among them the metadata services of clouds, never; loopback and private ones
// for the named hosts alone, names or addresses without a port. Name the hosts of the configuration there, which may lie
// in the same network, and not those that come out of a document.
//
// It uses no proxy: the address checked would be the proxy's. It sets no limit to a whole exchange; the request's
// context does.
func HTTPClient(mayBePrivate ...string) *http.Client {
	return &http.Client{
		CheckRedirect: sameOrigin,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				host, _, err := net.SplitHostPort(address)
				if err != nil {
					return nil, errTarget
				}
				check := checkTarget
				if isLoopback(host) { // whatever a resolver makes of the name: http is allowed for it
					check = checkLoopback
				}
				return dialer(check, slices.Contains(mayBePrivate, host)).DialContext(ctx, network, address)
			},
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // a small answer must not become a large one
		},
	}
}

func dialer(check func(address string, allowPrivate bool) error, allowPrivate bool) *net.Dialer {
	return &net.Dialer{
		Timeout: 5 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error { return check(address, allowPrivate) },
	}
}

// checkLoopback is checkTarget for a name that can only mean this machine (RFC 6761 §6.3).
func checkLoopback(address string, allowPrivate bool) error {
	if target, err := netip.ParseAddrPort(address); err != nil || !target.Addr().Unmap().IsLoopback() {
		return errTarget
	}
	return checkTarget(address, allowPrivate)
}

// errTarget names no address: the error travels to logs, and the name that was asked for is there already.
var errTarget = errors.New("address is not public")

func checkTarget(address string, allowPrivate bool) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return errTarget
	}
	ip := embedded(target.Addr())
	if !ip.IsGlobalUnicast() && !ip.IsLoopback() || within(ip, reservedRanges) {
		return errTarget // unspecified, multicast, broadcast, link-local
	}
	if !allowPrivate && (ip.IsLoopback() || ip.IsPrivate() || within(ip, privateRanges)) {
		return errTarget
	}
	return nil
}

var (
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 §2.1
	privateRanges = []netip.Prefix{
		netip.MustParsePrefix("100.64.0.0/10"),  // shared address space, RFC 6598
		netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments, RFC 6890
		netip.MustParsePrefix("198.18.0.0/15"),  // benchmarking, RFC 2544
		netip.MustParsePrefix("64:ff9b:1::/48"), // local-use translation, RFC 8215
		netip.MustParsePrefix("fec0::/10"),      // site-local, RFC 3879
	}
	reservedRanges = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("::/96"),     // IPv4-compatible, RFC 4291 §2.5.5.1; loopback is taken out first
		netip.MustParsePrefix("2002::/16"), // 6to4, RFC 3056: any IPv4 address in disguise
	}
)

// embedded is the IPv4 address that an IPv6 address stands for, or the address itself.
func embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip
}

func within(ip netip.Addr, ranges []netip.Prefix) bool {
	if ip.IsLoopback() {
		return false
	}
	for _, r := range ranges {
		if r.Contains(ip) {
			return true
		}
	}
	return false
}
