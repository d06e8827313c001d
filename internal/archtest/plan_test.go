package archtest

// ours begins the import path of every package of the three modules; the names in the plan are what
// comes after it, and "." is the root package.
const ours = "github.com/sallyport-auth/sallyport"

// room is one line of the plan. The standard library is free to all but those named in noImport.
type room struct {
	floor   int      // 0 is the ground; an import leads to a lower floor, or to a neighbour that is named
	imports []string // packages of ours
	modules []string // modules of somebody else's
	all     bool     // everything on a lower floor, and any module in go.mod
}

// floors is the plan. What it holds is the non-test code: a test may import what it wants, but in
// the module verify (see TestVerifyNeedsTheStandardLibraryOnly).
var floors = map[string]room{
	// The binary stands above the parts that only it has.
	"cmd/sallyport":          {floor: 5, all: true},
	"cmd/sallyport/demo":     {floor: 4, all: true},
	"cmd/sallyport/settings": {floor: 4, all: true},
	"examples":               {floor: 4}, // holds only the test that builds those below it
	"examples/app":           {floor: 4, all: true},

	// A module of its own, never released: it holds our code against other libraries.
	"internal/interop":          {floor: 4, all: true},
	"internal/interop/bench":    {floor: 4, all: true},
	"internal/interop/browser":  {floor: 4, all: true},
	"internal/interop/clientts": {floor: 4, all: true},

	// What the README shows to the author of a service: verify and nothing else.
	"examples/microservice":        {floor: 4, imports: []string{"examples/microservice/orders", "verify"}},
	"examples/microservice/orders": {floor: 3, imports: []string{"verify"}},

	"authhttp":  {floor: 3, imports: []string{".", "password", "verify", "verify/strictjson", "web"}}, // web has the page for a login that leads nowhere
	"web":       {floor: 3},
	"claimhook": {floor: 3, imports: []string{".", "verify", "verify/strictjson"}},
	"idp":       {floor: 3, imports: []string{".", "verify", "verify/jws", "verify/strictjson"}, modules: []string{"golang.org/x/oauth2"}},
	"idptest":   {floor: 3},

	// Stores: siblings never see each other.
	"sqlite":             {floor: 3, imports: []string{".", "internal/sqlstore"}, modules: []string{"modernc.org/sqlite"}},
	"internal/sqlstore":  {floor: 3, imports: []string{"."}},
	"postgres":           {floor: 3, imports: []string{".", "internal/sqlstore"}, modules: []string{"github.com/jackc/pgx/v5"}},
	"internal/storehook": {floor: 3, imports: []string{"."}},
	"storetest":          {floor: 3, imports: []string{"."}, modules: []string{"github.com/google/go-cmp"}},

	".": {floor: 2, imports: []string{"password", "verify/accesstoken", "verify/jws", "verify/strictjson"}, modules: []string{"golang.org/x/text"}},

	"verify":             {floor: 1, imports: []string{"verify/accesstoken", "verify/jws", "verify/strictjson"}},
	"verifygrpc":         {floor: 2, imports: []string{"verify"}, modules: []string{"google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto/googleapis/rpc"}}, // a module of its own; the last two are the details of a status
	"verify/accesstoken": {floor: 0, imports: []string{"verify/jws", "verify/strictjson"}},
	"verify/jws":         {floor: 0, imports: []string{"verify/strictjson"}},
	"verify/strictjson":  {floor: 0},
	"verify/verifytest":  {floor: 0},
	"password":           {floor: 0, modules: []string{"golang.org/x/crypto", "golang.org/x/text"}},

	// What only tests and the test runner use stands beside the house.
	"internal/openapi":      {floor: 0, modules: []string{"github.com/getkin/kin-openapi"}},
	"internal/proof":        {floor: 4, all: true},
	"internal/archtest":     {floor: 0},
	"internal/testpg":       {floor: 0, imports: []string{"internal/testpg/pgbin"}, modules: []string{"github.com/jackc/pgx/v5"}},
	"internal/testpg/pgbin": {floor: 0},
	"internal/realidp":      {floor: 0},
	"internal/pythontest":   {floor: 0}, // a test and a program in Python
	"internal/proxytest":    {floor: 0}, // a test
	// The runner installs PostgreSQL, which the tests start: both look for it in the same places.
	"internal/testrun": {floor: 0, imports: []string{"internal/testpg/pgbin"}},
}

// notYet are the lines of the plan whose package is still to be written. A line that is neither
// built nor listed here fails, and so does one that is both.
var notYet []string

// noImport are packages that a room may not reach at all, not even through others.
var noImport = map[string][]string{
	// The domain and the use cases know no HTTP and no SQL: providers and stores are interfaces
	// that the root declares.
	".": {"net/http", "database/sql"},
}
