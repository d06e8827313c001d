package sqlstore

// Tables lists the tables of the schema, each after those that its rows refer to.
func Tables() []string {
	return []string{
		"users", "login_names", "identities", "removed_identities", "known_addresses", "sessions", "replayed_tokens", "counters", "events", "revocations", "signing_keys", "meta",
	}
}
