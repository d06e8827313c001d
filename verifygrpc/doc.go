// Package verifygrpc lets a gRPC server accept the access tokens of a Sallyport server: interceptors around a
// [verify.Verifier], for unary calls and for streams. It is a module of its own, so that nobody else takes on gRPC.
//
// A call bears its token in the metadata "authorization", as "Bearer TOKEN". There is no list of methods that are open to
// everybody: register those, health checks say, at a server of their own, or leave them out of what is intercepted.
//
// Start with [Unary] and [Stream]; [Methods] gives each method its guards.
package verifygrpc
