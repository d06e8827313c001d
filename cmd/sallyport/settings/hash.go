package settings

import (
	"regexp"
	"slices"
)

// Hash is the cost of argon2id (RFC 9106 §3.1). The zero value is the default of package password.
type Hash struct {
	Memory uint32 // KiB
	Passes uint32
	Lanes  uint8
}

// String is the cost as it is written in the settings.
func (h Hash) String() string {
	if h == (Hash{}) {
		return "argon2id"
	}
	return problemf("argon2id,m=%d,t=%d,p=%d", h.Memory, h.Passes, h.Lanes)
}

const hashPattern = `^argon2id(,m=[0-9]+,t=[0-9]+,p=[0-9]+)?$`

var hashLike = regexp.MustCompile(`^argon2id(?:,m=([0-9]+),t=([0-9]+),p=([0-9]+))?$`)

func (d *decoder) hash(n node, into *Hash) bool {
	var cost string
	if !d.text(n, &cost) {
		return false
	}
	parts := hashLike.FindStringSubmatch(cost)
	if parts == nil {
		return d.fault(n, "want argon2id, or argon2id,m=KIB,t=PASSES,p=LANES in this order, such as argon2id,m=19456,t=2,p=1")
	}
	var h Hash
	if parts[1] != "" {
		values := [3]int{}
		for i, bounds := range hashBounds {
			value, ok := parseNumber(parts[i+1])
			if !ok || value < bounds.least || value > bounds.most {
				return d.fault(n, problemf("%s is %s, want between %d and %d", bounds.name, parts[i+1], bounds.least, bounds.most))
			}
			values[i] = value
		}
		h = Hash{uint32(values[0]), uint32(values[1]), uint8(values[2])}
	}
	*into = h
	return true
}

// hashBounds keep a slip of the pen from making hashes that protect nothing or stop the machine. The
// least memory also satisfies RFC 9106 §3.1, 8 KiB for each lane.
var hashBounds = [3]struct {
	name        string
	least, most int
}{{"m", 7168, 256 << 10}, {"t", 1, 16}, {"p", 1, 16}}

// recommended is the costs that the OWASP Password Storage Cheat Sheet names as the least, each with
// one lane. They are equally strong: less memory wants more passes.
var recommended = []Hash{{47104, 1, 1}, {19456, 2, 1}, {12288, 3, 1}, {9216, 4, 1}, {7168, 5, 1}}

// isWeak reports whether h costs an attacker less than everything that is recommended.
func (h Hash) isWeak() bool {
	return h != Hash{} && !slices.ContainsFunc(recommended, func(r Hash) bool { return h.Memory >= r.Memory && h.Passes >= r.Passes })
}
