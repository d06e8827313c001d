package idptest

// thin imitates providers whose ID token says who somebody is and nothing about them, as GitLab's may: sub only, and
// name, address and groups at UserInfo. In all else it is Plain.
type thin struct{ plain }

func (t thin) idToken(o occasion) draft {
	o.scope, o.user.Claims = "openid", nil
	return t.plain.idToken(o)
}
