package accesstoken

import (
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// Cache remembers tokens that passed every check, so that the signature of a token that comes with each of many requests
// is verified once. Only what never changes is remembered: that a text is signed by a key, and what it says. Whether the
// key is still believed, issuer, audience and times are asked at every use, by the rules and the key function of that
// use, so several [Rules] may share one cache.
//
// A token is recognised by the SHA-256 of its whole text: another spelling is another token, and no token stays in
// memory. Any number of goroutines may use a cache. It starts no goroutine: an old token
// goes when a new one needs the room.
type Cache struct {
	tokens, bytes int // the most that one generation of one shard holds
	shards        [cacheShards]cacheShard
}

const (
	// cacheShards keeps requests from waiting for each other. A token goes where its hash says.
	cacheShards = 16
	// cacheBytes is the memory for a token, on average, in bytes. A usual one takes 1.7 KiB; one of 8 KiB can be made to
	// take two hundred times as much, which is why tokens are weighed and not only counted.
	cacheBytes = 2 << 10
)

// cacheShard has two generations. New tokens are young; when the young are too many they become the old ones, and the
// old ones are forgotten but for those that were used meanwhile.
type cacheShard struct {
	mu         sync.Mutex
	young, old map[tokenID]remembered
	bytes      int // the weight of young
}

type remembered struct {
	*signed
	weight int // in bytes
}

// tokenID is the SHA-256 of a token.
type tokenID [sha256.Size]byte

// NewCache makes a cache for about so many tokens, rounded up to a multiple of 32, and 2 KiB of memory for each. Below 1
// it returns nil, a cache that remembers nothing.
func NewCache(tokens int) *Cache {
	if tokens < 1 {
		return nil
	}
	c := &Cache{tokens: (tokens-1)/(2*cacheShards) + 1}
	c.bytes = c.tokens * cacheBytes
	return c
}

// find returns what is known of a token and still holds under the key that key returns now; else nil, and the ID under
// which to add it.
func (c *Cache) find(token string, key func(h jws.Header) (*jws.Key, error)) (tokenID, *signed, error) {
	if c == nil || len(token) > MaxBytes { // too long to be good, so not worth a hash
		return tokenID{}, nil, nil
	}
	id := tokenID(sha256.Sum256([]byte(token)))
	known := c.shard(id).find(c, id)
	if known == nil {
		return id, nil, nil
	}
	k, err := findKey(known.header, key)
	if err != nil {
		return id, nil, err
	}
	if k == nil || !known.key.Equal(k) {
		return id, nil, nil // another key under the same ID: the signature decides
	}
	return id, known, nil
}

// add remembers a token that passed every check, in place of what was known of it under another key. One that weighs
// more than a generation is not remembered.
func (c *Cache) add(id tokenID, s *signed) {
	if c == nil {
		return
	}
	if r := (remembered{s, s.weigh()}); r.weight <= c.bytes {
		c.shard(id).add(c, id, r)
	}
}

func (c *Cache) shard(id tokenID) *cacheShard { return &c.shards[id[0]%cacheShards] }

func (s *cacheShard) find(c *Cache, id tokenID) *signed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.young[id]; ok {
		return r.signed
	}
	r, ok := s.old[id]
	if ok { // used again, so worth keeping
		delete(s.old, id)
		s.put(c, id, r)
	}
	return r.signed
}

func (s *cacheShard) add(c *Cache, id tokenID, r remembered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= s.young[id].weight
	delete(s.young, id)
	delete(s.old, id)
	s.put(c, id, r)
}

// put makes room first. The ID is in neither generation.
func (s *cacheShard) put(c *Cache, id tokenID, r remembered) {
	if s.young == nil || len(s.young) == c.tokens || s.bytes+r.weight > c.bytes {
		s.young, s.old, s.bytes = make(map[tokenID]remembered), s.young, 0
	}
	s.young[id] = r
	s.bytes += r.weight
}

// What things weigh in memory, in bytes, as measured on a 64-bit machine.
const (
	signedWeight = 400 // a token without its strings and claims: three structs and its place in a generation
	wordWeight   = 16  // an interface or a string, without what it points to
	listWeight   = 32  // an array without its elements
	mapWeight    = 96  // an object without its members
	slotWeight   = 33  // room for one member
)

func (s *signed) weigh() int {
	return signedWeight + weighText(s.header.KeyID) + weighText(s.header.Type) + wordWeight*len(s.claims.Audience) + weigh(s.claims.all)
}

// weigh is the memory behind a value as strictjson returns it: of depth 32 at most.
func weigh(v any) int {
	switch v := v.(type) {
	case string:
		return wordWeight + weighText(v)
	case json.Number:
		return wordWeight + weighText(string(v))
	case []any:
		weight := listWeight + wordWeight*cap(v)
		for _, element := range v {
			weight += weigh(element)
		}
		return weight
	case map[string]any:
		weight := mapWeight + slotWeight*slots(len(v))
		for name, member := range v {
			weight += weighText(name) + weigh(member)
		}
		return weight
	}
	return 0
}

// weighText rounds as the allocator does.
func weighText(s string) int { return (len(s) + 15) &^ 15 }

// slots is for how many members a map has room: eight or a power of two more, an eighth of which stays free.
func slots(members int) int {
	if members == 0 {
		return 0
	}
	n := 8
	for n*7/8 < members {
		n *= 2
	}
	return n
}
