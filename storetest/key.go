package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// keyCases are the sentences about signing keys and the secret check.
func keyCases() []testCase {
	return []testCase{
		{"AddSigningKey stores the key if newest was added last, or returns ErrChanged", func(b *bench) {
			first, second := key("first", b.now), key("second", b.now.Add(-time.Hour)) // the order is that of adding
			b.wantError("AddSigningKey(after unknown)", b.store.AddSigningKey(b.ctx(), first, "first", sallyport.Event{}), sallyport.ErrChanged)
			b.wantError("AddSigningKey(first)", b.store.AddSigningKey(b.ctx(), first, "", sallyport.Event{}), nil)
			b.wantError("AddSigningKey(after none)", b.store.AddSigningKey(b.ctx(), second, "", sallyport.Event{}), sallyport.ErrChanged)
			b.wantError("AddSigningKey(second)", b.store.AddSigningKey(b.ctx(), second, "first", sallyport.Event{}), nil)
			b.wantError("AddSigningKey(after first again)", b.store.AddSigningKey(b.ctx(), key("third", b.now), "first", sallyport.Event{}), sallyport.ErrChanged)
			b.wantKeys(first, second)
		}},
		{"RemoveSigningKey removes a key and reports whether it was there", func(b *bench) {
			first, second := key("first", b.now), key("second", b.now)
			b.addKeys(first, second)
			for _, want := range []bool{true, false} {
				was, err := b.store.RemoveSigningKey(b.ctx(), "first", sallyport.Event{})
				b.wantError("RemoveSigningKey()", err, nil)
				b.wantEqual("RemoveSigningKey()", was, want)
				b.wantKeys(second)
			}
			third := key("third", b.now)
			b.wantError("AddSigningKey(third)", b.store.AddSigningKey(b.ctx(), third, "second", sallyport.Event{}), nil)
			b.wantKeys(second, third)
		}},
		{"ReplaceSigningKeys removes every key and stores k", func(b *bench) {
			b.addKeys(key("first", b.now), key("second", b.now))
			third, fourth := key("third", b.now), key("fourth", b.now)
			b.wantError("ReplaceSigningKeys()", b.store.ReplaceSigningKeys(b.ctx(), third, sallyport.Event{}), nil)
			b.wantKeys(third)
			b.wantError("AddSigningKey(after a replaced one)", b.store.AddSigningKey(b.ctx(), fourth, "second", sallyport.Event{}), sallyport.ErrChanged)
			b.wantError("AddSigningKey(fourth)", b.store.AddSigningKey(b.ctx(), fourth, "third", sallyport.Event{}), nil)
			b.wantKeys(third, fourth)
		}},
		{"ReplaceSigningKeys stores k where there was none", func(b *bench) {
			b.wantError("ReplaceSigningKeys()", b.store.ReplaceSigningKeys(b.ctx(), key("first", b.now), sallyport.Event{}), nil)
			b.wantKeys(key("first", b.now))
		}},
		{"ResealSigningKey replaces old, or returns ErrChanged", func(b *bench) {
			first := key("first", b.now)
			b.addKeys(first)
			fresh := []byte("sealed anew")
			b.wantError("ResealSigningKey(unknown)", b.store.ResealSigningKey(b.ctx(), "other", first.Sealed, fresh), sallyport.ErrChanged)
			b.wantError("ResealSigningKey(not old)", b.store.ResealSigningKey(b.ctx(), "first", fresh, fresh), sallyport.ErrChanged)
			b.wantError("ResealSigningKey()", b.store.ResealSigningKey(b.ctx(), "first", first.Sealed, fresh), nil)
			first.Sealed = fresh
			b.wantKeys(first)
		}},
		{"SecretCheck is nil for a database that was never used", func(b *bench) {
			check, err := b.store.SecretCheck(b.ctx())
			b.wantError("SecretCheck()", err, nil)
			if check != nil {
				b.Errorf("SecretCheck() = %q, want nil", check)
			}
		}},
		{"SetSecretCheck replaces old, or returns ErrChanged", func(b *bench) {
			one, two := []byte{0, 1, 0xff}, []byte("two")
			for _, c := range []struct {
				old, check, after []byte
				want              error
			}{
				{one, two, nil, sallyport.ErrChanged},
				{nil, one, one, nil},
				{nil, two, one, sallyport.ErrChanged},
				{two, two, one, sallyport.ErrChanged},
				{one, two, two, nil},
				{one, one, two, sallyport.ErrChanged},
			} {
				b.wantError("SetSecretCheck()", b.store.SetSecretCheck(b.ctx(), c.old, c.check), c.want)
				got, err := b.store.SecretCheck(b.ctx())
				b.wantError("SecretCheck()", err, nil)
				b.wantEqual("SecretCheck()", got, c.after)
			}
		}},
	}
}

func key(id string, at time.Time) sallyport.StoredKey {
	return sallyport.StoredKey{KeyID: id, Algorithm: "ES256", Sealed: []byte("sealed\x00" + id), CreatedAt: at, SignsFrom: at.Add(time.Hour)}
}

// addKeys stores keys, the first of which is the first.
func (b *bench) addKeys(keys ...sallyport.StoredKey) {
	b.Helper()
	newest := ""
	for _, k := range keys {
		b.wantError("AddSigningKey()", b.store.AddSigningKey(b.ctx(), k, newest, sallyport.Event{}), nil)
		newest = k.KeyID
	}
}

func (b *bench) wantKeys(want ...sallyport.StoredKey) {
	b.Helper()
	keys, err := b.store.SigningKeys(b.ctx())
	b.wantError("SigningKeys()", err, nil)
	b.wantEqual("SigningKeys()", keys, want)
}
