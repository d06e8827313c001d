package sqlstore

import (
	"bytes"
	"context"

	"github.com/sallyport-auth/sallyport"
)

const (
	signingKeys = `select key_id, algorithm, sealed, created_at, signs_from, number from signing_keys order by number`

	// insertSigningKey does nothing when another instance took the number.
	insertSigningKey = `insert into signing_keys (number, key_id, algorithm, sealed, created_at, signs_from)
		values ($1, $2, $3, $4, $5, $6) on conflict (number) do nothing`

	deleteSigningKey  = `delete from signing_keys where key_id = $1`
	deleteSigningKeys = `delete from signing_keys`

	resealSigningKey = `update signing_keys set sealed = $3 where key_id = $1 and sealed = $2`

	metaValue  = `select value from meta where name = $1`
	insertMeta = `insert into meta (name, value) values ($1, $2) on conflict (name) do nothing`
	updateMeta = `update meta set value = $3 where name = $1 and value = $2`
)

// secretCheckName is the row of meta that holds the secret check.
const secretCheckName = "secret_check"

// SigningKeys implements sallyport.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]sallyport.StoredKey, error) {
	return read(ctx, s.db, "signing keys", func(ctx context.Context, q Queries) ([]sallyport.StoredKey, error) {
		keys, _, err := listSigningKeys(ctx, q)
		return keys, err
	})
}

// listSigningKeys also gives the number of the newest key, 0 when there is none.
func listSigningKeys(ctx context.Context, q Queries) (keys []sallyport.StoredKey, newest int64, err error) {
	rows, err := q.Query(ctx, signingKeys)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	keys = []sallyport.StoredKey{}
	for rows.Next() {
		var k sallyport.StoredKey
		if err := rows.Scan(&k.KeyID, &k.Algorithm, &k.Sealed, timeColumn{&k.CreatedAt}, timeColumn{&k.SignsFrom}, &newest); err != nil {
			return nil, 0, err
		}
		keys = append(keys, k)
	}
	return keys, newest, rows.Err()
}

// AddSigningKey implements sallyport.Store.
func (s *Store) AddSigningKey(ctx context.Context, k sallyport.StoredKey, newest string, e sallyport.Event) error {
	k.Sealed = bytes.Clone(k.Sealed)
	return s.db.Write(ctx, "add signing key", func(ctx context.Context, q Queries) error {
		keys, number, err := listSigningKeys(ctx, q)
		if err != nil {
			return err
		}
		last := ""
		if len(keys) > 0 {
			last = keys[len(keys)-1].KeyID
		}
		if last != newest {
			return sallyport.ErrChanged
		}
		return addSigningKey(ctx, q, k, number+1, e)
	})
}

// addSigningKey returns ErrChanged when the number is taken: another instance has added a key meanwhile.
func addSigningKey(ctx context.Context, q Queries, k sallyport.StoredKey, number int64, e sallyport.Event) error {
	err := orChanged(q.Exec(ctx, insertSigningKey, number, k.KeyID, k.Algorithm, k.Sealed, k.CreatedAt.UnixMicro(), k.SignsFrom.UnixMicro()))
	if err != nil {
		return err
	}
	return note(ctx, q, e)
}

// ReplaceSigningKeys implements sallyport.Store.
func (s *Store) ReplaceSigningKeys(ctx context.Context, k sallyport.StoredKey, e sallyport.Event) error {
	k.Sealed = bytes.Clone(k.Sealed)
	return s.db.Write(ctx, "replace signing keys", func(ctx context.Context, q Queries) error {
		_, number, err := listSigningKeys(ctx, q)
		if err != nil {
			return err
		}
		if _, err := q.Exec(ctx, deleteSigningKeys); err != nil {
			return err
		}
		return addSigningKey(ctx, q, k, number+1, e)
	})
}

// RemoveSigningKey implements sallyport.Store.
func (s *Store) RemoveSigningKey(ctx context.Context, keyID string, e sallyport.Event) (bool, error) {
	return write(ctx, s.db, "remove signing key", func(ctx context.Context, q Queries) (bool, error) {
		removed, err := q.Exec(ctx, deleteSigningKey, keyID)
		if err == nil && removed > 0 {
			err = note(ctx, q, e)
		}
		return removed > 0, err
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
