package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// keyCases are the sentences about signing keys and the secret check.
func keyCases() []testCase {
	return []testCase{
		{"AddFirstSigningKey stores the key if there is none yet", func(b *bench) {
			first := key("first", b.now)
			b.wantError("AddFirstSigningKey()", b.store.AddFirstSigningKey(b.ctx(), first), nil)
			b.wantError("AddFirstSigningKey() again", b.store.AddFirstSigningKey(b.ctx(), key("second", b.now)), sallyport.ErrChanged)
			keys, err := b.store.SigningKeys(b.ctx())
			b.wantError("SigningKeys()", err, nil)
			b.wantEqual("SigningKeys()", keys, []sallyport.StoredKey{first})
		}},
		{"ResealSigningKey replaces old, or returns ErrChanged", func(b *bench) {
			first := key("first", b.now)
			b.wantError("AddFirstSigningKey()", b.store.AddFirstSigningKey(b.ctx(), first), nil)
			fresh := []byte("sealed anew")
			b.wantError("ResealSigningKey(unknown)", b.store.ResealSigningKey(b.ctx(), "other", first.Sealed, fresh), sallyport.ErrChanged)
			b.wantError("ResealSigningKey(not old)", b.store.ResealSigningKey(b.ctx(), "first", fresh, fresh), sallyport.ErrChanged)
			b.wantError("ResealSigningKey()", b.store.ResealSigningKey(b.ctx(), "first", first.Sealed, fresh), nil)
			keys, err := b.store.SigningKeys(b.ctx())
			b.wantError("SigningKeys()", err, nil)
			first.Sealed = fresh
			b.wantEqual("SigningKeys()", keys, []sallyport.StoredKey{first})
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
	return sallyport.StoredKey{KeyID: id, Algorithm: "ES256", Sealed: []byte("sealed\x00" + id), CreatedAt: at}
}
