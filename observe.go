package sallyport

// Observation is how one use case ended, for metrics. It names no user and no token.
type Observation struct {
	Operation Operation
	Provider  string      // of an exchange or a login; "" while none is known
	Rule      RefreshRule // of a refresh that reached the store
	Err       error       // nil when it succeeded; authhttp.Code gives it the code that a client sees
}

// Operation is a use case that is observed.
type Operation string

// The operations.
const (
	OperationSignIn   Operation = "sign_in"
	OperationExchange Operation = "exchange"
	OperationLogin    Operation = "login" // the callback of a login at a provider, or a login that could not start
	OperationRefresh  Operation = "refresh"
	OperationPassword Operation = "password"
	OperationForward  Operation = "forward" // a visit
)

func (s *Service) observe(o Observation) {
	if s.cfg.Observe != nil {
		s.cfg.Observe(o)
	}
}
