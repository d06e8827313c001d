package authhttp

import (
	"net/netip"
	"slices"
	"strings"
)

// Routes lists what the handler serves for programs as "METHOD path", the path without its slashes, sorted.
func (h *Handler) Routes() []string {
	var all []string
	for name, rt := range h.routes {
		if strings.HasPrefix(name, "ui/") {
			continue
		}
		if rt.any != nil {
			all = append(all, "GET "+name)
		}
		if !rt.proxied {
			all = append(all, "OPTIONS "+name)
		}
		for method := range rt.methods {
			all = append(all, method+" "+name)
		}
	}
	slices.Sort(all)
	return all
}

// CodesOfUseCases lists the codes of the one table from an error of a use case to an answer.
func CodesOfUseCases() []string {
	var all []string
	for _, row := range table {
		all = append(all, row.code)
	}
	return all
}

// ClientAddress is the address of the client of a request from remote with the given lines of X-Forwarded-For; the
// error is about these lines.
func ClientAddress(trusted []netip.Prefix, remote string, lines ...string) (string, error) {
	return proxies(trusted).client(remote, lines)
}

// Trusts reports whether an address is that of a trusted proxy.
func Trusts(trusted []netip.Prefix, address netip.Addr) bool { return proxies(trusted).trust(address) }
