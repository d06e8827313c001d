package sallyport

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every method of the Store is looked at here once: can it end a session, or change what a token says of a user? Then
// forgetful has one of the same name. A new method goes there, or into the list.
func TestEveryMethodOfTheStoreIsForgottenOrNot(t *testing.T) {
	all := []string{
		"AddIdentity", "AddSigningKey", "Close", "Consume", "Count", "Counted", "CreateUser", "Events", "Identities", "RemoveSigningKey", "RenewPasswordHash",
		"ReplaceSigningKeys", "ResealSigningKey", "Revocations", "SecretCheck", "Session", "Sessions", "SetSecretCheck", "Settle", "SigningKeys", "Sweep",
		"User", "UserByIdentity", "UserByName", "Users",
	}
	file, err := parser.ParseFile(token.NewFileSet(), "forgetful.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok {
			all = append(all, f.Name.Name)
		}
	}
	slices.Sort(all)
	var methods []string
	for m := range reflect.TypeFor[Store]().Methods() {
		methods = append(methods, m.Name)
	}
	if diff := cmp.Diff(all, methods); diff != "" {
		t.Errorf("methods of Store (-listed +there):\n%s", diff)
	}
}

func TestVisitsHaveABound(t *testing.T) {
	some := func() ID { return NewID(time.Time{}) }
	knows := func(m *visits, session ID) bool { return m.young[session] != nil || m.old[session] != nil }
	m, asked, once := newVisits(), some(), some()
	m.of(once)
	for range 2 * maxVisits {
		m.of(some())
		m.of(asked)
	}
	if n := len(m.young) + len(m.old); n > 2*maxVisits {
		t.Errorf("%d sessions are remembered, want %d at most", n, 2*maxVisits)
	}
	if !knows(m, asked) || knows(m, once) {
		t.Errorf("the one that is asked about all the time is known: %v; the one that was asked about once: %v", knows(m, asked), knows(m, once))
	}
}

// A session that ends while somebody looks at it is looked at again by the next.
func TestWhatIsForgottenMeanwhileIsNotRemembered(t *testing.T) {
	m, user := newVisits(), NewID(time.Time{})
	for name, forget := range map[string]func(*visit){
		"session": func(v *visit) { m.forgetSession(v.session) },
		"user":    func(*visit) { m.forgetUser(user) },
		"all":     func(*visit) { m.forgetAll() },
		"feed":    func(v *visit) { m.forgetRevoked([]Revocation{{SessionID: v.session}}) },
		"stale":   func(*visit) { m.forgetRevoked([]Revocation{{UserID: user}}) },
	} {
		for _, known := range []bool{false, true} {
			v := m.of(NewID(time.Time{}))
			if known {
				v.known.Store(&sighting{Visitor: Visitor{User: User{ID: user}}})
			}
			forget(v)
			v.known.Store(&sighting{}) // what was found out before
			if m.of(v.session).known.Load() != nil {
				t.Errorf("%s, known before %v: it is believed", name, known)
			}
		}
	}
}
