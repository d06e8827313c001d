package verifytest

import (
	"strings"
	"time"
)

// hostileTokens are the bad tokens, by what is wrong with them. The signature is right wherever that can be.
func hostileTokens(i *Issuer) map[string][]Option {
	now := i.now()
	all := map[string][]Option{
		"a key that is published nowhere":   {Foreign()},
		"a kid that nobody has":             {Foreign(), Header("kid", "nobody's")},
		"a kid that is a path":              {Foreign(), Header("kid", "../../dev/null")},
		"a kid that is a number":            {Header("kid", 1)},
		"a key inside the token":            {Foreign(), Header("kid", "own"), Header("jwk", i.foreign.jwk())},
		"an address of a key":               {Foreign(), Header("kid", "own"), Header("jku", "https://keys.example/jwks.json")},
		"HS256 with the public key (VM-02)": {HMAC("HS256")},
		"HS384 with the public key (VM-02)": {HMAC("HS384")},
		"HS512 with the public key (VM-02)": {HMAC("HS512")},
		"no alg (VM-02)":                    {WithoutHeader("alg")},
		"alg in lower case (VM-02)":         {Header("alg", strings.ToLower(i.algorithm))},
		"alg as a list (VM-02)":             {Header("alg", []string{i.algorithm})},
		"alg of another curve (VM-02)":      {Header("alg", "ES384")},
		"alg of a padding that is not ours": {Header("alg", "PS256")},
		"alg twice (VM-02)":                 {twiceInHeader("alg", "none")},
		"alg twice, the same (VM-02)":       {twiceInHeader("alg", i.algorithm)},
		"an unknown crit (VM-04)":           {Header("crit", []string{"http://example.com/x"}), Header("http://example.com/x", true)},
		"an empty crit (VM-04)":             {Header("crit", []string{})},
		"b64 false with crit (VM-04)":       {Header("crit", []string{"b64"}), Header("b64", false)},
		"b64 false without crit (VM-04)":    {Header("b64", false)},
		"zip":                               {Header("zip", "DEF")},
		"typ JWT (VM-05)":                   {Header("typ", "JWT")},
		"no typ (VM-05)":                    {WithoutHeader("typ")},
		"typ of a refresh token (VM-05)":    {Header("typ", "refresh+jwt")},
		"typ of a logout token (VM-05)":     {Header("typ", "logout+jwt")},
		"typ of a page of the feed (VM-05)": {Header("typ", "revocations+jwt")},
		"an ID token (VM-05)":               {Header("typ", "JWT"), Claim("nonce", "n"), Without("token_type"), Without("sid")},
		"another kind of token":             {Claim("token_type", "refresh")},
		"no kind of token":                  {Without("token_type")},
		"another issuer (VM-07)":            {Claim("iss", "https://other.example/auth")},
		"the issuer and more (VM-07)":       {Claim("iss", i.URL()+".evil.example")},
		"the issuer and a slash (VM-07)":    {Claim("iss", i.URL()+"/")},
		"less than the issuer (VM-07)":      {Claim("iss", strings.TrimSuffix(i.URL(), mount))},
		"the issuer in capitals (VM-07)":    {Claim("iss", strings.ToUpper(i.URL()))},
		"no issuer (VM-07)":                 {Without("iss")},
		"a list of issuers (VM-07)":         {Claim("iss", []string{i.URL()})},
		"another audience":                  {Claim("aud", "another")},
		"no audience":                       {Without("aud")},
		"an empty audience":                 {Claim("aud", "")},
		"no audience in a list":             {Claim("aud", []string{})},
		"the audience and more":             {Claim("aud", i.audience+"-admin")},
		"the audience in capitals":          {Claim("aud", strings.ToUpper(i.audience))},
		"an audience that is an object":     {Claim("aud", map[string]any{i.audience: true})},
		"a list with something else in it":  {Claim("aud", []any{i.audience, 1})},
		"expired":                           {Expired()},
		"no exp":                            {Without("exp")},
		"exp as text":                       {Claim("exp", "9999999999")},
		"exp that is null":                  {Claim("exp", nil)},
		"exp that is negative":              {Claim("exp", -1)},
		"not good yet":                      {Claim("nbf", now.Add(time.Hour).Unix())},
		"nbf as text":                       {Claim("nbf", "soon")},
		"issued in the future":              {Claim("iat", now.Add(time.Hour).Unix())},
		"no iat":                            {Without("iat")},
		"no sub":                            {Without("sub")},
		"an empty sub":                      {Claim("sub", "")},
		"sub as a number":                   {Claim("sub", 1)},
		"bound to a key":                    {Claim("cnf", map[string]any{"jkt": "x"})},
		"a claim twice":                     {twice("sub", "admin")},
		"the end twice":                     {twice("exp", now.Add(240*time.Hour).Unix())},
		"a bit of the header flipped":       {flipBit(0)},
		"a bit of the claims flipped":       {flipBit(1)},
		"a bit of the signature flipped":    {flipBit(2)},
		"claims that are no object":         {payload(`["sub","admin"]`)},
		"claims that are not JSON":          {payload(`{"sub":`)},
		"two objects of claims":             {payload(`{"sub":"a"}{"sub":"b"}`)},
		"more than 8 KiB":                   {Claim("padding", strings.Repeat("x", 9<<10))},
		"objects in objects in objects":     {payload(strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200))},
	}
	for _, spelled := range []string{"none", "None", "NONE", "nOnE", ""} {
		all["alg "+spelled+" without a signature (VM-02)"] = []Option{Unsigned(spelled)}
		all["alg "+spelled+" with a signature (VM-02)"] = []Option{Header("alg", spelled)}
	}
	for name, respell := range map[string]func(string) string{
		"a newline behind it (VM-10)":       func(t string) string { return t + "\n" }, // as the bytes of a part: no header has one
		"a part more (VM-10)":               func(t string) string { return t + ".e30" },
		"a dot more (VM-10)":                func(t string) string { return t + "." },
		"a part less":                       func(t string) string { return t[:strings.LastIndexByte(t, '.')] },
		"no signature":                      func(t string) string { return t[:strings.LastIndexByte(t, '.')+1] },
		"no claims":                         func(t string) string { p := strings.Split(t, "."); return p[0] + ".." + p[2] },
		"no header":                         func(t string) string { p := strings.Split(t, "."); return "." + p[1] + "." + p[2] },
		"padding (VM-10)":                   func(t string) string { return t + "==" },
		"padding of the header (VM-10)":     func(t string) string { p := strings.Split(t, "."); return p[0] + "=." + p[1] + "." + p[2] },
		"bits behind the signature (VM-10)": trailingBits,
		"the alphabet of base64 (VM-10)":    func(t string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(t) },
		"a signature that is cut":           func(t string) string { return t[:len(t)-10] },
		"the header of another token, unsigned": func(t string) string {
			return text([]byte(`{"alg":"none","typ":"at+jwt"}`)) + t[strings.IndexByte(t, '.'):]
		},
		"only dots":                func(string) string { return ".." },
		"the word null":            func(string) string { return "null" },
		"JSON in place of a token": func(t string) string { return `{"token":"` + t + `"}` },
	} {
		all[name] = []Option{respelledUnlessSame(respell)}
	}
	return all
}

// respelledUnlessSame cuts what no header may hold, and makes sure that the text has changed.
func respelledUnlessSame(change func(string) string) Option {
	return Respelled(func(token string) string {
		changed := strings.ReplaceAll(change(token), "\n", "%0A")
		if changed == token { // no character of this token is spelled in another way
			return "." + token
		}
		return changed
	})
}

// trailingBits spells the last character in another way: the bits behind the last byte are not nought (RFC 4648 §3.5).
func trailingBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}

// payload puts any text in the place of the claims, rightly signed.
func payload(claims string) Option {
	return func(d *draft) {
		d.rewrap = func(string) string {
			input := text(encode(d.header)) + "." + text([]byte(claims))
			return input + "." + text(d.key.sign(input))
		}
	}
}

// twiceInHeader writes a member of the header a second time.
func twiceInHeader(name string, value any) Option {
	return func(d *draft) {
		d.rewrap = func(string) string {
			header := string(encode(d.header))
			header = header[:len(header)-1] + `,"` + name + `":` + string(encode(value)) + "}"
			input := text([]byte(header)) + "." + text(encode(d.claims))
			return input + "." + text(d.key.sign(input))
		}
	}
}
