package verify

import "encoding/json"

// Claim is the claim of that name as a T: a string, a bool, a number type, a slice, a map or a struct, as encoding/json
// has it. It returns false, and the zero T, for a claim that the token does not have, that is null, or that is of
// another type: look at the bool before the value. Who must tell these apart uses Claims.Claim, which is nil for the
// first two, or Claims.Decode, for which the last one is an error.
func Claim[T any](c *Claims, name string) (value T, ok bool) {
	held := c.Claim(name)
	if held == nil {
		return value, false
	}
	if same, is := held.(T); is {
		return same, true
	}
	text, err := json.Marshal(held)
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	if err != nil {
		var none T
		return none, false
	}
	return value, true
}
