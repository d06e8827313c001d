package sqlstore

import (
	"bytes"
	"context"

	"github.com/sallyport-auth/sallyport"
)

const (
	signingKeys = `select key_id, algorithm, sealed, created_at from signing_keys order by created_at, number`

	// insertFirstSigningKey takes the number 1: of several instances that found no key, one gets it.
	insertFirstSigningKey = `insert into signing_keys (number, key_id, algorithm, sealed, created_at)
		values (1, $1, $2, $3, $4) on conflict (number) do nothing`

	resealSigningKey = `update signing_keys set sealed = $3 where key_id = $1 and sealed = $2`

	metaValue  = `select value from meta where name = $1`
	insertMeta = `insert into meta (name, value) values ($1, $2) on conflict (name) do nothing`
	updateMeta = `update meta set value = $3 where name = $1 and value = $2`
)

// secretCheckName is the row of meta that holds the secret check.
const secretCheckName = "secret_check"

// SigningKeys implements sallyport.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]sallyport.StoredKey, error) {
	return read(ctx, s.db, "signing keys", listSigningKeys)
}

func listSigningKeys(ctx context.Context, q Queries) ([]sallyport.StoredKey, error) {
	rows, err := q.Query(ctx, signingKeys)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := []sallyport.StoredKey{}
	for rows.Next() {
		var k sallyport.StoredKey
		if err := rows.Scan(&k.KeyID, &k.Algorithm, &k.Sealed, timeColumn{&k.CreatedAt}); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// AddFirstSigningKey implements sallyport.Store.
func (s *Store) AddFirstSigningKey(ctx context.Context, k sallyport.StoredKey) error {
	k.Sealed = bytes.Clone(k.Sealed)
	return s.db.Write(ctx, "add first signing key", func(ctx context.Context, q Queries) error {
		keys, err := listSigningKeys(ctx, q)
		if err != nil {
			return err
		}
		if len(keys) != 0 { // the number 1 may be free again, below later keys
			return sallyport.ErrChanged
		}
		return orChanged(q.Exec(ctx, insertFirstSigningKey, k.KeyID, k.Algorithm, k.Sealed, k.CreatedAt.UnixMicro()))
	})
}

// ResealSigningKey implements sallyport.Store.
func (s *Store) ResealSigningKey(ctx context.Context, keyID string, old, sealed []byte) error {
	old, sealed = bytes.Clone(old), bytes.Clone(sealed)
	return s.db.Write(ctx, "reseal signing key", func(ctx context.Context, q Queries) error {
		return orChanged(q.Exec(ctx, resealSigningKey, keyID, old, sealed))
	})
}

// SecretCheck implements sallyport.Store.
func (s *Store) SecretCheck(ctx context.Context) ([]byte, error) {
	return s.meta(ctx, "secret check", secretCheckName)
}

// meta reads a row of meta; nil when there is none.
func (s *Store) meta(ctx context.Context, op, name string) ([]byte, error) {
	return read(ctx, s.db, op, func(ctx context.Context, q Queries) (value []byte, err error) {
		_, err = one(ctx, q, []any{&value}, metaValue, name)
		return value, err
	})
}

// SetSecretCheck implements sallyport.Store.
func (s *Store) SetSecretCheck(ctx context.Context, old, check []byte) error {
	old, check = bytes.Clone(old), bytes.Clone(check)
	return s.db.Write(ctx, "set secret check", func(ctx context.Context, q Queries) error {
		if old == nil {
			return orChanged(q.Exec(ctx, insertMeta, secretCheckName, check))
		}
		return orChanged(q.Exec(ctx, updateMeta, secretCheckName, old, check))
	})
}
