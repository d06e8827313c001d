package interop

import (
	"bytes"
	"crypto"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

// update writes refusals.md anew from the lists.
var update = flag.Bool("update", false, "write refusals.md from the lists in this package")

// difference is a row of a list: cases about which we and some of the others disagree, and why.
type difference struct {
	cases  []string
	who    string // the others on the far side, by name, with ", " between
	why    string
	source string
}

// differences are the two lists about one kind of input. What is in neither must be judged alike.
type differences struct {
	refused  []difference // what who accepts and we refuse
	accepted []difference // what we accept and who refuses
	misread  []difference // what who accepts as we do, and reads otherwise
}

// hold asks all about every variant and compares with the lists, in both directions: a difference that is
// not listed fails, and so does a row that names somebody who agrees with us, or a case that is not there.
// Variants of one name, one for each algorithm, must be judged alike.
func (d differences) hold(t *testing.T, ours judge, others []judge, variants []variant) {
	t.Helper()
	refused, accepted, misread := byCase(t, d.refused), byCase(t, d.accepted), byCase(t, d.misread)
	seen := map[string]bool{}
	for _, v := range variants {
		seen[v.name] = true
		own := ours.ask(v.input)
		far, misreading := disagreeing(t, v, own, others)
		list, otherList := accepted, refused
		if own.err != nil {
			list, otherList = refused, accepted
		}
		if _, listed := otherList[v.name]; listed {
			t.Errorf("%s: we say %v, and the lists say the opposite of us", v.name, own.err)
		}
		if got, want := strings.Join(far, ", "), list[v.name].who; got != want {
			t.Errorf("%s: we say %v, these say otherwise: %q, listed are %q\n%.300q", v.name, own.err, got, want, v.input)
		}
		if got, want := strings.Join(misreading, ", "), misread[v.name].who; got != want {
			t.Errorf("%s: we read %q, these read otherwise: %q, listed are %q", v.name, own.payload, got, want)
		}
	}
	for _, list := range []map[string]difference{refused, accepted, misread} {
		for name := range list {
			if !seen[name] {
				t.Errorf("the lists name %q, which is no case", name)
			}
		}
	}
	for name := range refused {
		if _, twice := accepted[name]; twice {
			t.Errorf("%q is listed as refused and as accepted", name)
		}
	}
}

// disagreeing are the names of the others that judge differently from us, and of those that accept as we do and have
// read something else. Who accepts must have used the same key.
func disagreeing(t *testing.T, v variant, own verdict, others []judge) (names, misreading []string) {
	t.Helper()
	for _, other := range others {
		theirs := other.ask(v.input)
		if (theirs.err == nil) != (own.err == nil) {
			names = append(names, other.name)
			continue
		}
		if own.err != nil {
			continue
		}
		if !bytes.Equal(theirs.payload, own.payload) {
			misreading = append(misreading, other.name)
		}
		if !sameKey(own.key, theirs.key) {
			t.Errorf("%s: %s uses the key %v, we %v", v.name, other.name, theirs.key, own.key)
		}
	}
	return names, misreading
}

// sameKey compares two keys; one that a library does not tell counts as the same.
func sameKey(a, b crypto.PublicKey) bool {
	if a == nil || b == nil {
		return true
	}
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}

func byCase(t *testing.T, rows []difference) map[string]difference {
	t.Helper()
	list := map[string]difference{}
	for _, row := range rows {
		for _, name := range row.cases {
			if _, twice := list[name]; twice {
				t.Errorf("%q is listed twice", name)
			}
			list[name] = row
		}
	}
	return list
}

// TestDifferences holds ours against the other libraries on every variant.
func TestDifferences(t *testing.T) {
	signers := newSigners(t)
	p := newParties(t, keySetOf(t, signers))
	t.Run("signatures", func(t *testing.T) {
		var all []variant
		for i := range signers {
			all = append(all, tokenVariants(t, signers, i)...)
		}
		ours, others := p.signatureJudges()
		signatureDifferences.hold(t, ours, others, all)
		t.Logf("%d variants", len(all))
	})
	t.Run("access tokens", func(t *testing.T) {
		var all []variant
		for _, s := range signers {
			all = append(all, claimsVariants(t, s)...)
		}
		ours, others := p.claimsJudges()
		claimsDifferences.hold(t, ours, others, all)
		t.Logf("%d variants", len(all))
	})
	t.Run("keys", func(t *testing.T) {
		all := keyVariants(t, signers)
		ours, others := keyJudges()
		keyDifferences.hold(t, ours, others, all)
		t.Logf("%d variants", len(all))
	})
	t.Run("key sets", func(t *testing.T) {
		ours, others := keySetJudges(signers[0].kid)
		keySetDifferences.hold(t, ours, others, keySetVariants(t, signers))
	})
	t.Run("keys as they are", func(t *testing.T) {
		keys := givenKeys(t, signers)
		var all []variant
		for _, g := range keys {
			all = append(all, g.variant)
		}
		ours, others := givenJudges(keys)
		givenDifferences.hold(t, ours, others, all)
	})
}

// TestIDTokenDifferences holds ours against the other relying parties, with all three clocks at the same time.
func TestIDTokenDifferences(t *testing.T) {
	fake, signers := newOpenIDProvider(t)
	one, both := newRelyingParties(t, fake, today), newRelyingParties(t, fake, today, furtherID)
	t.Run("ID tokens", func(t *testing.T) {
		var all []variant
		for i := range signers {
			all = append(all, idTokenVariants(t, fake, signers, i)...)
		}
		ours, others := idTokenJudges(func(p posted) *relyingParties {
			if p.further {
				return both
			}
			return one
		})
		idTokenDifferences.hold(t, ours, others, all)
		t.Logf("%d variants", len(all))
	})
	t.Run("logout tokens", func(t *testing.T) {
		var all []variant
		for _, s := range signers {
			all = append(all, logoutVariants(fake, s)...)
		}
		ours, others := both.logoutJudges()
		logoutDifferences.hold(t, ours, others, all)
		t.Logf("%d variants", len(all))
	})
	t.Run("keys of a provider", func(t *testing.T) {
		all := providerKeyVariants(t, fake, signers)
		before := fake.Count(idptest.Userinfo)
		ours, others := idTokenJudges(func(p posted) *relyingParties { // with an empty cache
			publish(t, fake, p.keySet)
			return newRelyingParties(t, fake, today)
		})
		providerKeyDifferences.hold(t, ours, others, all)
		if n := fake.Count(idptest.Userinfo) - before; n != 0 {
			t.Errorf("%d requests to where a jku leads, want none", n)
		}
		t.Logf("%d variants", len(all))
	})
}

// TestRefusalsPage keeps refusals.md and the lists the same.
func TestRefusalsPage(t *testing.T) {
	const file = "refusals.md"
	want := page()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the lists say; go test -run TestRefusalsPage -update writes it", file)
	}
}

// TestPageNamesTheVersions: what is measured is what go.mod has.
func TestPageNamesTheVersions(t *testing.T) {
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		goJose: "github.com/go-jose/go-jose/v4", golangJWT: "github.com/golang-jwt/jwt/v5", jwx: "github.com/lestrrat-go/jwx/v3",
		goOIDC: "github.com/coreos/go-oidc/v3", hcap: "github.com/hashicorp/cap",
	} {
		_, version, _ := strings.Cut(string(module), "\t"+path+" ")
		version, _, _ = strings.Cut(version, "\n")
		if want := name + " " + version; !strings.HasPrefix(version, "v") || !strings.Contains(strings.ReplaceAll(pageIntroduction, "\n", " "), want) {
			t.Errorf("the introduction does not name %q, which go.mod has", want)
		}
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(pageIntroduction)
	for _, section := range []struct {
		title string
		lists differences
	}{
		{"Signatures: compact JWS under a key set", signatureDifferences},
		{"Access tokens: the claims under a right signature", claimsDifferences},
		{"Keys: a JSON Web Key to verify with", keyDifferences},
		{"Key sets: a key by its ID", keySetDifferences},
		{"Keys that a program hands over as they are", givenDifferences},
		{"ID tokens", idTokenDifferences},
		{"ID tokens: the keys that a provider publishes", providerKeyDifferences},
		{"Logout tokens", logoutDifferences},
	} {
		fmt.Fprintf(&b, "\n## %s\n", section.title)
		table(&b, "| cases | who accepts | why we refuse | source |", section.lists.refused)
		table(&b, "| cases | who refuses | why we accept | source |", section.lists.accepted)
		table(&b, "| cases | who reads something else | what we read | source |", section.lists.misread)
	}
	return b.String()
}

func table(b *strings.Builder, head string, rows []difference) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n| --- | --- | --- | --- |\n", head)
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", strings.Join(row.cases, "; "), row.who, row.why, row.source)
	}
}

// TestRowsAreWhole: a reason without a source is an opinion.
func TestRowsAreWhole(t *testing.T) {
	for _, d := range []differences{signatureDifferences, claimsDifferences, keyDifferences, keySetDifferences, givenDifferences, idTokenDifferences, providerKeyDifferences, logoutDifferences} {
		for _, row := range slices.Concat(d.refused, d.accepted, d.misread) {
			if len(row.cases) == 0 || row.who == "" || row.why == "" || row.source == "" || strings.Contains(row.why+row.source, "|") {
				t.Errorf("row %+v is not whole", row)
			}
		}
	}
}
