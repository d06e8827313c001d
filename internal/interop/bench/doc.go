// Command bench measures Sallyport and, in the same run on the same core, what the same work costs bare.
//
//	go run ./internal/interop/bench            # the figures of the README, about twelve minutes
//	go run ./internal/interop/bench --quick    # under a minute
//
// The yardstick is a ratio: an absolute figure says more about the machine than about the program. The real
// binary runs with SQLite on one core and the load comes from another. Every row is measured in slices that
// alternate with slices of its floor, a server of a few lines that does what cannot be left out: the handler,
// the signature, the durable update. 64 keep-alive clients ask as fast as they are answered, so p50 and p99
// are those of a server at its limit. CPU is what the server spent on a request, which other programs on the
// machine disturb least. "× reference" compares with django-rest-microservice on one core of a machine of the
// same kind. An answer other than 2xx fails the run.
//
// The load sends what a browser sends: cookies, CSRF_token, the headers of a same-origin request. The floors
// get the shortest request there is, so their figures are on the strict side.
//
// The second table is about one token in process: the raw signature check, package verify and four other
// libraries in turn with the same tokens.
//
// # Map
//
//	main.go          flags, and what happens when something fails
//	bench.go         the plan of a run: preparing, slices, cleaning up
//	operations.go    the rows and their floors; target.go: what they should reach
//	traffic.go       what the clients of each row send; request.go: its bytes
//	load.go          64 clients at work; client.go: one of them
//	mint.go          ID tokens of a user pool by the thousand
//	floor.go         the floors
//	product.go       the binary as a process; build.go, process.go
//	profile.go.txt   what --profile adds to the binary
//	verification.go  the second table; contenders.go: who takes part
//	report.go        the tables; machine.go: the line above them
//	affinity.go      which core is whose
package main
