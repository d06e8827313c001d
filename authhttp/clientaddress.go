package authhttp

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is the one header that is read: each proxy appends the address of its own peer. X-Real-IP, Forwarded
// (RFC 7239) and those of single vendors are not, because a proxy that does not write them passes on what a client
// wrote.
const forwardedFor = "X-Forwarded-For"

// forwarded is the header of RFC 7239.
const forwarded = "Forwarded"

// maxHops is more proxies than stand one behind the other anywhere. Only a peer that makes things up has more.
const maxHops = 32

// proxies are the addresses whose X-Forwarded-For is believed.
type proxies []netip.Prefix

func newProxies(trusted []netip.Prefix) (proxies, error) {
	var faults []error
	for i, prefix := range trusted {
		if err := checkProxy(prefix); err != nil {
			faults = append(faults, configError(fmt.Sprintf("TrustedProxies[%d]", i), "%v", err))
		}
	}
	return slices.Clone(trusted), errors.Join(faults...)
}

var errNoProxy = errors.New("it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1")

// ParseProxy reads an item of [Config.TrustedProxies]: a prefix in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3) such as
// "10.0.0.0/8", or an address, which stands for itself alone. The error says what keeps text from being one.
func ParseProxy(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if address, notAddress := netip.ParseAddr(text); notAddress == nil && address.Zone() == "" {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, errNoProxy
	}
	if err := checkProxy(prefix); err != nil {
		return netip.Prefix{}, err
	}
	return prefix, nil
}

// checkProxy refuses a prefix that would trust others than it seems to, or nobody.
func checkProxy(prefix netip.Prefix) error {
	const mapped = 128 - 32 // bits in front of the IPv4 address (RFC 4291 §2.5.5.2)
	switch {
	case !prefix.IsValid():
		return errNoProxy
	case prefix.Addr().Is4In6() && prefix.Bits() >= mapped:
		ipv4 := netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
		return fmt.Errorf("IPv4 addresses are compared as such; write %s", ipv4.Masked())
	case prefix != prefix.Masked():
		return fmt.Errorf("there are bits behind the prefix; write %s", prefix.Masked())
	}
	return nil
}

func (p proxies) trust(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(trusted netip.Prefix) bool { return trusted.Contains(address) })
}

// clientAddress is the address of who sent the request, as text.
func (h *Handler) clientAddress(r *http.Request) string {
	address, err := h.proxies.client(r.RemoteAddr, r.Header.Values(forwardedFor))
	if err != nil {
		h.misforwarded.Do(func() {
			h.log.Warn("a trusted proxy sends no list of addresses in X-Forwarded-For, so its own address counts instead of the client's", "peer", address, "reason", err.Error())
		})
	}
	h.noteForwarding(r)
	return address
}

// noteForwarding says that a header is ignored which looks as if a proxy had been forgotten. On the Internet anybody can
// send these headers, which means nothing; who sends them from a private or loopback address is most likely a proxy,
// behind which all clients share one limit. The header's value is not logged: it is whatever its sender liked.
func (h *Handler) noteForwarding(r *http.Request) {
	header := ""
	switch {
	case len(r.Header.Values(forwardedFor)) > 0:
		header = forwardedFor
	case len(r.Header.Values(forwarded)) > 0:
		header = forwarded
	default:
		return
	}
	peer, err := netip.ParseAddr(hostOf(r.RemoteAddr))
	if err != nil || h.proxies.trust(plain(peer)) || !isNear(plain(peer)) {
		return
	}
	h.unforwarded.Do(func() {
		h.log.Warn("a request says that it was forwarded, but its peer is not in trusted_proxies, so the peer's address counts as the client's; "+
			"if it is a proxy of yours, name it in trusted_proxies and let it write X-Forwarded-For", "peer", plain(peer).String(), "header", header)
	})
}

// isNear reports whether an address is of this host or of a network that the Internet does not route to: loopback,
// private (RFC 1918, RFC 4193), shared (RFC 6598) or link-local.
func isNear(address netip.Addr) bool {
	return address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast() || shared.Contains(address)
}

var shared = netip.MustParsePrefix("100.64.0.0/10")

// client finds the address of the client. remote is the socket's peer, as in http.Request.RemoteAddr; lines are those of
// X-Forwarded-For, in their order.
//
// A peer that is not trusted is the client, whatever it says. Of a trusted peer the list is read from the right, where
// each trusted proxy wrote whom it saw, and the first address that is not trusted is the client. Nothing to the left of
// it matters, not even whether it is well formed: a client that could spoil the list would hide among all others behind
// that proxy, and use up their limits. If every entry is trusted, the request began at the left-most.
//
// An entry that is read and is no address, or one too many, is an error, and the address is then the peer's. A peer
// that has no address, such as that of a Unix socket, is named as it is and never trusted.
func (p proxies) client(remote string, lines []string) (string, error) {
	host := hostOf(remote)
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host, nil
	}
	peer = plain(peer)
	if !p.trust(peer) {
		return peer.String(), nil
	}
	client, read := peer, 0
	for hop := range hops(lines) {
		if client, err = parseHop(hop); err != nil {
			return peer.String(), err
		}
		if !p.trust(client) {
			break
		}
		if read++; read == maxHops {
			return peer.String(), errTooManyHops
		}
	}
	return client.String(), nil
}

// hostOf is the socket's peer without its port.
func hostOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// hops are the entries of all lines, which are one list (RFC 9110 §5.3), from the right.
func hops(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range slices.Backward(lines) {
			for more := true; more; {
				comma := strings.LastIndexByte(line, ',')
				if !yield(strings.Trim(line[comma+1:], " \t")) {
					return
				}
				if more = comma >= 0; more {
					line = line[:comma]
				}
			}
		}
	}
}

var (
	errNoAddress   = errors.New("an entry is no address")
	errTooManyHops = fmt.Errorf("%d trusted proxies in a row", maxHops)
)

// parseHop reads one entry: an address without a port, brackets or a zone.
func parseHop(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, errNoAddress
	}
	return plain(address), nil
}

// plain is the one form of an address: IPv4 that came mapped into IPv6 is IPv4 (RFC 4291 §2.5.5.2), and a zone (RFC 4007
// §11), which means something on this host alone, is left away.
func plain(address netip.Addr) netip.Addr { return address.WithZone("").Unmap() }
