package sqlstore

import (
	"context"
	"time"
)

const (
	// rememberAddress writes at most once a day: $4 is a day before $3.
	rememberAddress = `insert into known_addresses (user_id, address, last_at) values ($1, $2, $3)
		on conflict (user_id, address) do update set last_at = $3 where known_addresses.last_at < $4`

	// forgetAddresses leaves a user the addresses that were used last.
	forgetAddresses = `delete from known_addresses where user_id = $1 and address in
		(select address from known_addresses where user_id = $1 order by last_at desc, address limit 1000 offset $2)`

	deleteAddressesOfUser = `delete from known_addresses where user_id = $1`

	deleteAddresses = `delete from known_addresses where (user_id, address) in
		(select user_id, address from known_addresses where last_at < $1 order by last_at limit $2)`
)

// maxAddresses is how many addresses a user is known to sign in from.
const maxAddresses = 50

func (s *sessionStart) rememberAddress(ctx context.Context, q Queries) error {
	if s.Address == "" {
		return nil
	}
	user, at := s.Session.UserID[:], s.Session.CreatedAt
	written, err := q.Exec(ctx, rememberAddress, user, s.Address, at.UnixMicro(), at.Add(-24*time.Hour).UnixMicro())
	if err != nil || written == 0 {
		return err
	}
	_, err = q.Exec(ctx, forgetAddresses, user, maxAddresses)
	return err
}
