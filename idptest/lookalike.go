package idptest

// lookalike imitates providers whose access tokens look like their ID tokens: the same iss, aud, sub, exp and nonce, and
// typ JWT. A relying party that takes an ID token cannot tell by the audience that it was handed the other one. In all
// else it is Plain.
type lookalike struct{ plain }

func (l lookalike) accessToken(o occasion) draft {
	o.idTokenLife = o.accessTokenLife
	d := l.plain.idToken(o)
	d.payload.set("scope", o.scope)
	return d
}
