package verify

import "net/http"

// Optional lets a request without any Authorization header through to next as it is, where [FromContext] returns false,
// and does with all others as [Verifier.Require] does: a token that is not good is refused, and never makes an anonymous
// request.
func (v *Verifier) Optional(next http.Handler, guards ...Guard) http.Handler {
	required := v.Require(next, guards...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, present := r.Header["Authorization"]; !present {
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), nil)))
			return
		}
		required.ServeHTTP(w, r)
	})
}
