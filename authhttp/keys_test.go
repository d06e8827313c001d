package authhttp_test

import (
	"testing"
)

// Of two instances that rotate at once one makes the key, and both publish the same set.
func TestJW_03_TwoInstancesRotateAtOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		b := a.another()
		errs := make(chan error, 2)
		for _, each := range []*app{a, b} {
			go func() {
				_, err := each.svc.RotateSigningKey(t.Context())
				errs <- err
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := a.count("select count(*) from signing_keys"); n != 2 {
			t.Errorf("%d keys, want the active one and one next", n)
		}
		const keys = ".well-known/jwks.json"
		if of, other := a.do(keys, request{method: "GET"}).body, b.do(keys, request{method: "GET"}).body; of != other {
			t.Errorf("two instances publish\n%s\n%s", of, other)
		}
	})
}

func TestJW_06_DocumentsAreOnlyRead(t *testing.T) {
	a := newApp(t, nil)
	before := a.rows()
	for _, path := range []string{".well-known/jwks.json", ".well-known/openid-configuration", "revocations/", "openapi.yaml"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			x := a.do(path, request{method: method, body: "{}"})
			if x.status != 405 || x.code() != "method_not_allowed" || x.header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s = %d %s, Allow %q", method, path, x.status, x.body, x.header.Get("Allow"))
			}
		}
	}
	if after := a.rows(); after != before {
		t.Errorf("rows were %s and are %s", before, after)
	}
}
