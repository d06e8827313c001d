package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// What a stored hash may ask for. Whoever can write a hash into the database, or import one, must
// not be able to make a sign-in allocate or compute without bound.
const (
	maxMemory      = 256 << 10 // KiB: 256 MiB
	maxPasses      = 16
	maxLanes       = 16
	minSaltBytes   = 8 // RFC 9106 §3.1 recommends 16, the reference implementation refuses fewer than 8
	maxSaltBytes   = 64
	minDigestBytes = 16
	maxDigestBytes = 64
	maxEncoded     = 256 // bytes: more than the longest hash within the caps
)

// cost is what argon2id takes, in the units of RFC 9106 §3.1.
type cost struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

// check holds the caps and the floors that RFC 9106 §3.1 sets; below them the algorithm is not defined.
func (c cost) check() error {
	var faults []error
	if c.lanes < 1 || c.lanes > maxLanes {
		faults = append(faults, fmt.Errorf("%d lanes: want 1 to %d", c.lanes, maxLanes))
	}
	if c.passes < 1 || c.passes > maxPasses {
		faults = append(faults, fmt.Errorf("%d passes: want 1 to %d", c.passes, maxPasses))
	}
	if least := 8 * uint32(c.lanes); c.memory < least || c.memory > maxMemory {
		faults = append(faults, fmt.Errorf("memory of %d KiB: want %d to %d", c.memory, least, maxMemory))
	}
	return errors.Join(faults...)
}

// stored is a hash as a store keeps it, decoded.
type stored struct {
	cost
	salt, digest []byte
}

// encoding is the base64 of PHC strings: the standard alphabet without padding.
var encoding = base64.RawStdEncoding

// String gives the PHC string: the names and the order of the argon2 reference encoder.
func (s stored) String() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		s.memory, s.passes, s.lanes, encoding.EncodeToString(s.salt), encoding.EncodeToString(s.digest))
}

// parse reads what String writes and nothing else: a hash has exactly one spelling. The caps are
// checked before anything of the size that they bound is allocated. No error quotes the hash.
func parse(encoded string) (stored, error) {
	var s stored
	if len(encoded) > maxEncoded {
		return s, fmt.Errorf("longer than %d bytes", maxEncoded)
	}
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return s, errors.New("not an argon2id PHC string")
	}
	if fields[2] != "v=19" {
		return s, errors.New("not version 19 of argon2")
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &s.memory, &s.passes, &s.lanes); err != nil {
		return s, errors.New("parameters are not m=…,t=…,p=…")
	}
	if err := s.cost.check(); err != nil {
		return s, err
	}
	var err error
	if s.salt, err = decode("salt", fields[4], minSaltBytes, maxSaltBytes); err != nil {
		return s, err
	}
	if s.digest, err = decode("digest", fields[5], minDigestBytes, maxDigestBytes); err != nil {
		return s, err
	}
	// Sscanf passes over a rest and takes signs and leading zeros, the decoder takes line ends and
	// stray low bits: all of that shows here.
	if s.String() != encoded {
		return s, errors.New("not in its canonical spelling")
	}
	return s, nil
}

func decode(what, text string, least, most int) ([]byte, error) {
	b, err := encoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64 without padding", what)
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%s of %d bytes: want %d to %d", what, len(b), least, most)
	}
	return b, nil
}
