package strictjson

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Date reads a NumericDate (RFC 7519 §2): a JSON number n of seconds since 1970, whole or not, with 0 < n < 2^53,
// floored to the second, in UTC. A number in a string is not a date.
func Date(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	const limit = 1 << 53 // below it a float64 holds every whole second exactly
	seconds, err := strconv.ParseFloat(string(n), 64)
	if err != nil || !(0 < seconds && seconds < limit) {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0).UTC(), true
}

// Strings reads a value that is a string or an array of strings, as "aud" is (RFC 7519 §4.1.3). An empty array is a
// list without members.
func Strings(v any) ([]string, bool) {
	if one, ok := v.(string); ok {
		return []string{one}, true
	}
	elements, ok := v.([]any)
	if !ok {
		return nil, false
	}
	list := make([]string, len(elements))
	for i, e := range elements {
		if list[i], ok = e.(string); !ok {
			return nil, false
		}
	}
	return list, true
}
