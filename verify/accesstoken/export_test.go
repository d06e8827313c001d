package accesstoken

import "crypto/sha256"

// Has reports whether a token is remembered, without using it.
func (c *Cache) Has(token string) bool {
	id := tokenID(sha256.Sum256([]byte(token)))
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.young[id].signed != nil || s.old[id].signed != nil
}

// Len is how many tokens are remembered, and Weight what they weigh in bytes.
func (c *Cache) Len() (tokens int) {
	c.each(func(remembered) { tokens++ })
	return tokens
}

// Weight is described with Len.
func (c *Cache) Weight() (bytes int) {
	c.each(func(r remembered) { bytes += r.weight })
	return bytes
}

func (c *Cache) each(do func(remembered)) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, generation := range []map[tokenID]remembered{s.young, s.old} {
			for _, r := range generation {
				do(r)
			}
		}
		s.mu.Unlock()
	}
}

// Remember adds claims under a token that nobody signed.
func (c *Cache) Remember(token string, claims *Claims) {
	c.add(sha256.Sum256([]byte(token)), &signed{claims: claims})
}
