package authhttp_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
)

// trust reads prefixes with spaces between them.
func trust(t testing.TB, texts string) []netip.Prefix {
	t.Helper()
	var trusted []netip.Prefix
	for _, text := range strings.Fields(texts) {
		prefix, err := authhttp.ParseProxy(text)
		if err != nil {
			t.Fatalf("ParseProxy(%q) = %v", text, err)
		}
		trusted = append(trusted, prefix)
	}
	return trusted
}

// long is a list of one client and n proxies.
func long(n int) string { return "203.0.113.9" + strings.Repeat(", 10.0.0.2", n) }

// addressCases are read by TestClientAddress, and seed FuzzClientAddress.
var addressCases = []struct {
	name    string
	trusted string
	remote  string
	lines   []string
	want    string
	faulty  bool // the list is not what a proxy should send
}{
	{"nobody is trusted", "", "198.51.100.7:4000", nil, "198.51.100.7", false},
	{"the header of a peer that nobody trusts", "", "198.51.100.7:4000", []string{"203.0.113.9"}, "198.51.100.7", false},
	{"the header of another peer than the proxy", "10.0.0.0/8", "198.51.100.7:4000", []string{"203.0.113.9"}, "198.51.100.7", false},
	{"garbage of a peer that nobody trusts", "10.0.0.0/8", "198.51.100.7:4000", []string{"garbage"}, "198.51.100.7", false},

	{"no header of a proxy", "10.0.0.0/8", "10.0.0.1:4000", nil, "10.0.0.1", false},
	{"one hop", "10.0.0.0/8", "10.0.0.1:4000", []string{"203.0.113.9"}, "203.0.113.9", false},
	{"made-up left part", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 203.0.113.9"}, "203.0.113.9", false},
	{"made-up left part in a line of its own", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8", "203.0.113.9"}, "203.0.113.9", false},
	{"made-up proxy", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 10.0.0.3, 203.0.113.9"}, "203.0.113.9", false},
	{"two proxies", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8,203.0.113.9,10.0.0.2"}, "203.0.113.9", false},
	{"two proxies, each with a line", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8", "203.0.113.9", "10.0.0.2"}, "203.0.113.9", false},
	{"a proxy that is not trusted is the client", "10.0.0.1", "10.0.0.1:4000", []string{"203.0.113.9, 10.0.0.2"}, "10.0.0.2", false},
	{"all are trusted", "10.0.0.0/8", "10.0.0.1:4000", []string{"10.0.0.4, 10.0.0.3", "10.0.0.2"}, "10.0.0.4", false},
	{"white space", "10.0.0.0/8", "10.0.0.1:4000", []string{" \t8.8.8.8 ,\t203.0.113.9 \t, 10.0.0.2\t"}, "203.0.113.9", false},
	{"most hops", "10.0.0.0/8", "10.0.0.1:4000", []string{long(31)}, "203.0.113.9", false},
	{"too many hops", "10.0.0.0/8", "10.0.0.1:4000", []string{long(32)}, "10.0.0.1", true},
	{"too many hops, made up", "10.0.0.0/8", "10.0.0.1:4000", []string{long(5000) + ", 198.51.100.7"}, "198.51.100.7", false},

	// What is read and is no address.
	{"with port", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 203.0.113.9:4000"}, "10.0.0.1", true},
	{"IPv6 with port", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, [2001:db8::9]:4000"}, "10.0.0.1", true},
	{"IPv6 in brackets", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, [2001:db8::9]"}, "10.0.0.1", true},
	{"IPv6 zone", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, fe80::9%eth0"}, "10.0.0.1", true},
	{"unknown", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, unknown"}, "10.0.0.1", true},
	{"prefix", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 203.0.113.0/24"}, "10.0.0.1", true},
	{"quotes", "10.0.0.0/8", "10.0.0.1:4000", []string{`8.8.8.8, "203.0.113.9"`}, "10.0.0.1", true},
	{"leading zeros", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 203.0.113.009"}, "10.0.0.1", true},
	{"number", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 3405803785"}, "10.0.0.1", true},
	{"no-break space", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, \u00a0203.0.113.9"}, "10.0.0.1", true},
	{"empty", "10.0.0.0/8", "10.0.0.1:4000", []string{""}, "10.0.0.1", true},
	{"comma at the end", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, 203.0.113.9,"}, "10.0.0.1", true},
	{"empty last line", "10.0.0.0/8", "10.0.0.1:4000", []string{"203.0.113.9", ""}, "10.0.0.1", true},
	{"garbage behind a proxy", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, garbage, 10.0.0.2"}, "10.0.0.1", true},
	{"too long", "10.0.0.0/8", "10.0.0.1:4000", []string{"8.8.8.8, " + strings.Repeat("1", 100_000)}, "10.0.0.1", true},

	// What is not read: to the left of the client all is the client's own text.
	{"SI-13 garbage of the client", "10.0.0.0/8", "10.0.0.1:4000", []string{"garbage, 203.0.113.9"}, "203.0.113.9", false},
	{"SI-13 garbage of the client, two proxies", "10.0.0.0/8", "10.0.0.1:4000", []string{"unknown,,[::1]:5", "203.0.113.9", "10.0.0.2"}, "203.0.113.9", false},
	{"SI-13 much of the client", "10.0.0.0/8", "10.0.0.1:4000", []string{strings.Repeat(",", 20_000), "203.0.113.9"}, "203.0.113.9", false},

	// Forms of an address.
	{"IPv6", "::1", "[::1]:4000", []string{"2001:DB8:0:0::9"}, "2001:db8::9", false},
	{"longest text", "::1", "[::1]:4000", []string{"2001:0db8:0000:0000:0000:0000:255.255.255.255"}, "2001:db8::ffff:ffff", false},
	{"mapped hop", "10.0.0.0/8", "10.0.0.1:4000", []string{"::ffff:203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9", false},
	{"mapped peer", "10.0.0.0/8", "[::ffff:10.0.0.1]:4000", []string{"203.0.113.9"}, "203.0.113.9", false},
	{"mapped peer that nobody trusts", "", "[::ffff:10.0.0.1]:4000", nil, "10.0.0.1", false},
	{"all of IPv6 is no IPv4", "::/0", "[::ffff:10.0.0.1]:4000", []string{"203.0.113.9"}, "10.0.0.1", false},
	{"peer with a zone", "fe80::/10", "[fe80::1%eth0]:4000", []string{"203.0.113.9"}, "203.0.113.9", false},
	{"peer with a zone that nobody trusts", "", "[fe80::1%eth0]:4000", nil, "fe80::1", false},
	{"peer without a port", "10.0.0.0/8", "10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9", false},
	{"Unix socket", "0.0.0.0/0 ::/0", "@", []string{"203.0.113.9"}, "@", false},
	{"no peer", "0.0.0.0/0 ::/0", "", []string{"203.0.113.9"}, "", false},
	{"host for a peer", "0.0.0.0/0 ::/0", "localhost:4000", []string{"203.0.113.9"}, "localhost", false},
}

func TestClientAddress(t *testing.T) {
	for _, tc := range addressCases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := authhttp.ClientAddress(trust(t, tc.trusted), tc.remote, tc.lines...)
			if got != tc.want || (err != nil) != tc.faulty {
				t.Errorf("ClientAddress(%q, %q, %.200q) = %q, %v, want %q, an error: %v", tc.trusted, tc.remote, tc.lines, got, err, tc.want, tc.faulty)
			}
		})
	}
}

func TestParseProxy(t *testing.T) {
	for _, tc := range []struct{ name, text, want, problem string }{
		{"prefix", "10.0.0.0/8", "10.0.0.0/8", ""},
		{"address", "127.0.0.1", "127.0.0.1/32", ""},
		{"IPv6 address", "::1", "::1/128", ""},
		{"IPv6 prefix", "2001:DB8::/32", "2001:db8::/32", ""},
		{"everything", "0.0.0.0/0", "0.0.0.0/0", ""},
		{"empty", "", "", "no address and no prefix"},
		{"name", "localhost", "", "no address and no prefix"},
		{"port", "10.0.0.1:80", "", "no address and no prefix"},
		{"zone", "fe80::1%eth0", "", "no address and no prefix"},
		{"prefix with a zone", "fe80::%eth0/64", "", "no address and no prefix"},
		{"prefix too long", "10.0.0.0/33", "", "no address and no prefix"},
		{"mask", "10.0.0.0/255.0.0.0", "", "no address and no prefix"},
		{"space", " 10.0.0.0/8", "", "no address and no prefix"},
		{"host bits", "10.0.0.1/8", "", "write 10.0.0.0/8"},
		{"IPv6 host bits", "2001:db8::1/32", "", "write 2001:db8::/32"},
		{"mapped address", "::ffff:10.0.0.1", "", "write 10.0.0.1/32"},
		{"mapped prefix", "::ffff:10.0.0.0/104", "", "write 10.0.0.0/8"},
		{"mapped host bits", "::ffff:10.0.0.1/104", "", "write 10.0.0.0/8"},
		{"longer than the mapping", "::ffff:0:0/95", "", "write ::fffe:0:0/95"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := authhttp.ParseProxy(tc.text)
			if tc.problem == "" && (err != nil || got.String() != tc.want) {
				t.Errorf("ParseProxy(%q) = %v, %v, want %s", tc.text, got, err, tc.want)
			}
			if tc.problem != "" && (err == nil || got.IsValid() || !strings.Contains(err.Error(), tc.problem)) {
				t.Errorf("ParseProxy(%q) = %v, %v, want an error with %q", tc.text, got, err, tc.problem)
			}
		})
	}
}

func TestNewReportsEveryProxyThatIsNone(t *testing.T) {
	a := newApp(t, nil)
	_, err := authhttp.New(a.svc, authhttp.Config{TrustedProxies: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), {}, netip.MustParsePrefix("10.0.0.1/8"), netip.MustParsePrefix("::ffff:10.0.0.0/104"),
	}})
	var got []string
	for _, fault := range sallyport.ConfigErrors(err) {
		got = append(got, fault.Field+": "+fault.Problem)
	}
	want := []string{
		"TrustedProxies[1]: it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1",
		"TrustedProxies[2]: there are bits behind the prefix; write 10.0.0.0/8",
		"TrustedProxies[3]: IPv4 addresses are compared as such; write 10.0.0.0/8",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("New() differs (-want +got):\n%s", diff)
	}
}

// naiveAddress says the rule once more, with other parsers and with the whole list at once: of the last entry that is
// no trusted address, it is the address; the first entry if there is none; the peer if it is no address.
func naiveAddress(trusted []string, peer string, lines []string) string {
	isTrusted := func(ip net.IP) bool {
		return slices.ContainsFunc(trusted, func(text string) bool {
			_, network, err := net.ParseCIDR(text)
			return err == nil && network.Contains(ip)
		})
	}
	ip := net.ParseIP(peer)
	if !isTrusted(ip) || len(lines) == 0 {
		return ip.String()
	}
	entries := strings.Split(strings.Join(lines, ","), ",")
	last := len(entries) - 1
	for last > 0 && net.ParseIP(strings.Trim(entries[last], " \t")) != nil && isTrusted(net.ParseIP(strings.Trim(entries[last], " \t"))) {
		last--
	}
	if client := net.ParseIP(strings.Trim(entries[last], " \t")); client != nil {
		return client.String()
	}
	return ip.String()
}

// TestSI_13_AddressOfAnyChain holds random proxies and chains against the naive rule, and asserts that neither how the
// list is cut into lines nor what stands to the left of the client makes a difference.
func TestSI_13_AddressOfAnyChain(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 13))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	address := func() string {
		return pick("10.0.0.1", "10.0.0.2", "10.9.0.1", "192.0.2.1", "192.0.2.77", "203.0.113.9", "::1", "2001:db8::1", "2001:db8:0:1::2", "2001:db9::1", "::ffff:10.0.0.1", "::ffff:203.0.113.9")
	}
	seen := map[string]int{}
	for range 50_000 {
		var prefixes []string
		for range random.IntN(4) {
			prefixes = append(prefixes, pick("10.0.0.0/8", "10.0.0.0/24", "10.0.0.1/32", "192.0.2.0/26", "0.0.0.0/0", "::1/128", "2001:db8::/32", "2001:db8::/64", "::/0"))
		}
		trusted := trust(t, strings.Join(prefixes, " "))
		var entries []string
		for range random.IntN(8) {
			entry := address()
			if random.IntN(12) == 0 {
				entry = pick("", "unknown", "garbage", entry+":80", "["+entry+"]", "fe80::1%eth0")
			}
			entries = append(entries, pick("", " ", "\t ")+entry+pick("", " "))
		}
		peer := address()
		remote := net.JoinHostPort(peer, "4000")
		lines := cut(random, entries)
		got, err := authhttp.ClientAddress(trusted, remote, lines...)
		if want := naiveAddress(prefixes, peer, lines); got != want {
			t.Fatalf("seed %d: ClientAddress(%q, %q, %q) = %q, want %q", seed, prefixes, remote, lines, got, want)
		}
		if again, _ := authhttp.ClientAddress(trusted, remote, cut(random, entries)...); again != got {
			t.Fatalf("seed %d: ClientAddress(%q, %q, %q) = %q, and %q with other lines", seed, prefixes, remote, entries, got, again)
		}
		kind := "the peer"
		switch parsed, parseErr := netip.ParseAddr(got); {
		case err != nil:
			kind = "the peer, for a faulty list"
		case parseErr == nil && len(entries) > 0 && got != plainText(peer) && !authhttp.Trusts(trusted, parsed):
			kind = "a client"
			forged := append([]string{pick("8.8.8.8", "garbage", "", "10.0.0.1, ,", address())}, entries...)
			if other, err := authhttp.ClientAddress(trusted, remote, cut(random, forged)...); other != got || err != nil {
				t.Fatalf("seed %d: ClientAddress(%q, %q, %q) = %q, %v, want %q as without what the client wrote", seed, prefixes, remote, forged, other, err, got)
			}
		case got != plainText(peer):
			kind = "the left-most of trusted ones"
		}
		seen[kind]++
	}
	for _, kind := range []string{"the peer", "the peer, for a faulty list", "a client", "the left-most of trusted ones"} {
		if seen[kind] < 500 {
			t.Errorf("seed %d: %q was the address %d times, want it often enough to mean something", seed, kind, seen[kind])
		}
	}
}

// cut puts the entries of a list into random lines.
func cut(random *rand.Rand, entries []string) (lines []string) {
	for i, entry := range entries {
		if i == 0 || random.IntN(3) == 0 {
			lines = append(lines, entry)
		} else {
			lines[len(lines)-1] += "," + entry
		}
	}
	return lines
}

func plainText(address string) string { return net.ParseIP(address).String() }

// FuzzClientAddress holds the law of client addresses: never an address that only an untrusted peer supplied. A client
// writes what it likes, and then zero to three proxies each append whom they saw, to the last line or in a line of
// their own: the address is the client's own.
func FuzzClientAddress(f *testing.F) {
	for _, tc := range addressCases {
		if len(tc.lines) > 0 && len(tc.lines[0]) < 1000 {
			for proxies := range uint8(4) {
				f.Add([]byte{203, 0, 113, 9}, strings.Join(tc.lines, "\n"), proxies, proxies%2 == 0)
			}
		}
	}
	f.Add([]byte(net.ParseIP("2001:db8::9")), "10.0.0.1, 2001:db8::8", uint8(1), true)
	f.Add([]byte(net.ParseIP("203.0.113.9")), "10.0.0.1", uint8(2), false) // mapped
	trusted := trust(f, "10.0.0.0/8 fd00::/8")
	chain := []string{"10.0.0.1", "fd00::2", "10.255.0.3"}
	f.Fuzz(func(t *testing.T, client []byte, forged string, proxies uint8, ownLine bool) {
		address, ok := netip.AddrFromSlice(client)
		if !ok || authhttp.Trusts(trusted, address.Unmap()) {
			return // whoever has a trusted address is a proxy
		}
		var lines []string
		if forged != "" {
			lines = strings.Split(forged, "\n")
		}
		peer := address.String()
		for _, proxy := range chain[:proxies%4] {
			if ownLine || len(lines) == 0 {
				lines = append(lines, peer)
			} else {
				lines[len(lines)-1] += ", " + peer
			}
			peer = proxy
		}
		want := address.Unmap().String()
		got, err := authhttp.ClientAddress(trusted, net.JoinHostPort(peer, "4000"), lines...)
		if got != want || err != nil {
			t.Errorf("ClientAddress(%q, %q) = %q, %v, want %q, which the client has", peer, lines, got, err, want)
		}
		checkOrigin(t, trusted, peer, lines)
		checkOrigin(t, trusted, chain[0], strings.Split(forged, "\n"))
	})
}

// checkOrigin asserts of any lines that the address is the peer's, or an entry that only trusted ones stand behind.
func checkOrigin(t *testing.T, trusted []netip.Prefix, peer string, lines []string) {
	t.Helper()
	got, err := authhttp.ClientAddress(trusted, net.JoinHostPort(peer, "4000"), lines...)
	from, parseErr := netip.ParseAddr(got)
	if parseErr != nil || from.Zone() != "" || from.Is4In6() {
		t.Errorf("ClientAddress(%q, %q) = %q, want a plain address", peer, lines, got)
	}
	if got == plainText(peer) {
		return
	}
	if err != nil || !authhttp.Trusts(trusted, netip.MustParseAddr(peer)) {
		t.Errorf("ClientAddress(%q, %q) = %q, %v, want the peer", peer, lines, got, err)
	}
	entries := strings.Split(strings.Join(lines, ","), ",")
	for _, entry := range slices.Backward(entries) {
		written, err := netip.ParseAddr(strings.Trim(entry, " \t"))
		if err != nil {
			break
		}
		if written.Unmap() == from {
			return
		}
		if !authhttp.Trusts(trusted, written.Unmap()) {
			break
		}
	}
	t.Errorf("ClientAddress(%q, %q) = %q, which no trusted proxy wrote", peer, lines, got)
}

// addresses are those of all sessions, the oldest first.
func (a *app) addresses() []string {
	a.t.Helper()
	rows, err := a.db.Query("select ip from sessions order by id")
	if err != nil {
		a.t.Fatal(err)
	}
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var ip string
		if err := rows.Scan(&ip); err != nil {
			a.t.Fatal(err)
		}
		all = append(all, ip)
	}
	return all
}

// TestSI_12_HeadersOfStrangersAreIgnored: no header names the client when no proxy is trusted, and none but
// X-Forwarded-For when one is.
func TestSI_12_HeadersOfStrangersAreIgnored(t *testing.T) {
	for _, tc := range []struct {
		name    string
		trusted string
		headers []string
	}{
		{"no proxy", "", []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"}},
		{"another proxy", "10.0.0.0/8 ::1", []string{"X-Forwarded-For"}},
		{"the proxy", "127.0.0.1", []string{"X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Forwarded", "X-Forwarded-Host", "X_Forwarded_For"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newApp(t, func(c *config) { c.HTTP.TrustedProxies = trust(t, tc.trusted) })
			_, pw := a.user("ada")
			var want []string
			for i, header := range tc.headers {
				made := fmt.Sprintf("203.0.113.%d", i+1)
				if header == "Forwarded" {
					made = "for=" + made
				}
				headers := map[string]string{header: made}
				a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}, headers: headers})
				a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": "not " + pw}, headers: headers}).want(t, 401, "invalid_credentials")
				want = append(want, "127.0.0.1")
			}
			if diff := cmp.Diff(want, a.addresses()); diff != "" {
				t.Errorf("addresses of the sessions (-want +got):\n%s", diff)
			}
			if log := a.log.String(); strings.Contains(log, "203.0.113.") || !strings.Contains(log, `"ip":"127.0.0.1"`) {
				t.Errorf("the log does not name the peer alone: %s", log)
			}
		})
	}
}

// TestSI_13_AddressBehindAProxy signs in over HTTP, refreshes and logs off, with the header in one line and in two.
func TestSI_13_AddressBehindAProxy(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"one line", []string{"8.8.8.8, 203.0.113.9"}, "203.0.113.9"},
		{"two lines", []string{"8.8.8.8", "203.0.113.9"}, "203.0.113.9"},
		{"IPv6, as a whole", []string{"8.8.8.8", "2001:DB8::1:2:3:4"}, "2001:db8::1:2:3:4"},
		{"port", []string{"8.8.8.8, 203.0.113.9:4000"}, "127.0.0.1"},
		{"IPv6 zone", []string{"8.8.8.8, fe80::1%eth0"}, "127.0.0.1"},
		{"unknown", []string{"8.8.8.8", "unknown"}, "127.0.0.1"},
		{"garbage", []string{"8.8.8.8, \x80"}, "127.0.0.1"},
		{"nothing", []string{""}, "127.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newApp(t, func(c *config) { c.HTTP.TrustedProxies = trust(t, "10.0.0.0/8 127.0.0.1/32") })
			_, pw := a.user("ada")
			s := &session{app: a}
			s.take(a.forwarded("sign-in/", tc.lines, fmt.Sprintf(`{"username":"ada","password":%q}`, pw), ""))
			s.take(a.forwarded("refresh/", tc.lines, fmt.Sprintf(`{"CSRF_token":%q}`, s.csrf), s.cookieHeader()))
			a.forwarded("logoff/", tc.lines, fmt.Sprintf(`{"CSRF_token":%q}`, s.csrf), s.cookieHeader())
			if diff := cmp.Diff([]string{tc.want}, a.addresses()); diff != "" {
				t.Errorf("address of the session (-want +got):\n%s", diff)
			}
			log := a.log.String()
			if strings.Contains(log, "8.8.8.8") || !strings.Contains(log, `"ip":"`+tc.want+`"`) {
				t.Errorf("the log does not name %s alone: %s", tc.want, log)
			}
			warned := 0
			if tc.want == "127.0.0.1" {
				warned = 1 // of three requests
			}
			if got := strings.Count(log, "a trusted proxy sends no list of addresses"); got != warned {
				t.Errorf("the log warns %d times of the proxy, want %d: %s", got, warned, log)
			}
		})
	}
}

// TestForgottenProxyIsNamedOnce: a peer that seems to be a proxy of the operator's and is not trusted is warned of once,
// and one that anybody on the Internet can be, never.
func TestForgottenProxyIsNamedOnce(t *testing.T) {
	const warning = "a request says that it was forwarded, but its peer is not in trusted_proxies"
	xff, rfc7239 := http.Header{"X-Forwarded-For": {"203.0.113.9"}}, http.Header{"Forwarded": {"for=203.0.113.9"}}
	for _, tc := range []struct {
		name    string
		trusted string
		remotes []string
		header  http.Header
		want    string // the peer that the warning names; "" for none
	}{
		{"loopback", "", []string{"127.0.0.1:4000"}, xff, "127.0.0.1"},
		{"loopback of IPv6", "", []string{"[::1]:4000"}, xff, "::1"},
		{"private", "", []string{"10.1.2.3:4000"}, xff, "10.1.2.3"},
		{"private, mapped into IPv6", "", []string{"[::ffff:192.168.1.1]:4000"}, xff, "192.168.1.1"},
		{"private of IPv6", "", []string{"[fd00::1]:4000"}, xff, "fd00::1"},
		{"shared", "", []string{"100.64.0.1:4000"}, xff, "100.64.0.1"},
		{"link-local with a zone", "", []string{"[fe80::1%eth0]:4000"}, xff, "fe80::1"},
		{"Forwarded", "", []string{"10.1.2.3:4000"}, rfc7239, "10.1.2.3"},
		{"another proxy than the trusted one", "10.0.0.0/24", []string{"10.1.2.3:4000"}, xff, "10.1.2.3"},
		{"the first near one, after strangers", "", []string{"198.51.100.7:4000", "10.1.2.3:4000", "10.1.2.4:4000"}, xff, "10.1.2.3"},

		{"public", "", []string{"198.51.100.7:4000", "[2001:db8::1]:4000", "100.128.0.1:4000"}, xff, ""},
		{"the trusted proxy", "10.0.0.0/8 127.0.0.1", []string{"10.1.2.3:4000", "[::ffff:10.1.2.3]:4000", "127.0.0.1:4000"}, xff, ""},
		{"the trusted proxy of a private client", "10.0.0.0/8", []string{"10.1.2.3:4000"}, http.Header{"X-Forwarded-For": {"192.168.1.7"}}, ""},
		{"no header", "", []string{"127.0.0.1:4000", "10.1.2.3:4000"}, http.Header{}, ""},
		{"Unix socket", "", []string{"@", ""}, xff, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newApp(t, func(c *config) { c.HTTP.TrustedProxies = trust(t, tc.trusted) })
			for range 2 {
				for _, remote := range tc.remotes {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, a.base+"sign-in/", strings.NewReader(`{"username":"ada","password":"wrong"}`))
					r.RemoteAddr, r.Header = remote, tc.header.Clone()
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					if a.auth.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
						t.Fatalf("sign-in/ = %d %s, want 401", w.Code, w.Body)
					}
				}
			}
			log := a.log.String()
			times := 0
			if tc.want != "" {
				times = 1
				line := fmt.Sprintf(`"peer":%q`, tc.want)
				if !strings.Contains(log, `"level":"WARN","msg":"`+warning) || !strings.Contains(log, line) {
					t.Errorf("the log = %s, want a warning with %s", log, line)
				}
			}
			if got := strings.Count(log, "it was forwarded"); got != times {
				t.Errorf("the log warns %d times, want %d: %s", got, times, log)
			}
			if tc.want != "" && strings.Contains(log, "203.0.113.9") {
				t.Errorf("the log shows what a stranger wrote: %s", log)
			}
		})
	}
}

// forwarded posts a body with lines of X-Forwarded-For, and wants a 200.
func (a *app) forwarded(path string, lines []string, body, cookies string) answer {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header["X-Forwarded-For"] = lines
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		a.t.Fatalf("POST %s = %s, want 200", path, response.Status)
	}
	x := answer{status: response.StatusCode, header: response.Header, cookies: map[string]*http.Cookie{}}
	for _, c := range response.Cookies() {
		x.cookies[c.Name] = c
	}
	return x
}
