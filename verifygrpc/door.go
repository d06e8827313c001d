package verifygrpc

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-auth/sallyport/verify"
)

// door is who decides: verify's own middleware, so that HTTP and gRPC cannot come to differ in what they let in.
type door struct {
	require http.Handler
	shut    bool // nobody passes, with the best of tokens
}

func newDoor(v *verify.Verifier, guards []verify.Guard) door {
	return door{require: v.Require(http.HandlerFunc(letIn), guards...)}
}

// letIn is reached by a good call only.
func letIn(w http.ResponseWriter, r *http.Request) {
	if a, ok := w.(*answer); ok {
		a.ctx = r.Context()
	}
}

// enter returns ctx with the claims, or the status of a refusal. The call becomes a request that has nothing but the
// metadata "authorization", each of its values a header.
func (d door) enter(ctx context.Context) (context.Context, error) {
	r := &http.Request{Header: http.Header{}}
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		r.Header["Authorization"] = values
	}
	var a answer
	d.require.ServeHTTP(&a, r.WithContext(ctx))
	switch {
	case a.ctx == nil:
		return nil, a.err()
	case d.shut:
		return nil, refusal(codes.PermissionDenied, "forbidden", "This method is not open to anybody.")
	}
	return a.ctx, nil
}

// answer is what the middleware says, as an http.ResponseWriter.
type answer struct {
	ctx    context.Context // of a call that is let in, else nil
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// err is the refusal as a status.
func (a *answer) err() error {
	var said struct{ Code, Detail string }
	if json.Unmarshal(a.body, &said) != nil || said.Code == "" {
		return refusal(codes.Internal, "internal", "The token could not be checked.")
	}
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil {
		wait := durationpb.New(time.Duration(seconds) * time.Second)
		return refusal(codeOf(a.status), said.Code, said.Detail, &errdetails.RetryInfo{RetryDelay: wait})
	}
	return refusal(codeOf(a.status), said.Code, said.Detail)
}

// domain is that of the reasons in an ErrorInfo: who has given them their meaning.
const domain = "github.com/sallyport-auth/sallyport"

// refusal is a status with the code of ours in its message, for people, and in an ErrorInfo, for programs.
func refusal(c codes.Code, code, detail string, more ...protoadapt.MessageV1) error {
	s := status.New(c, code+": "+detail)
	info := &errdetails.ErrorInfo{Reason: strings.ToUpper(code), Domain: domain}
	if detailed, err := s.WithDetails(append(more, info)...); err == nil {
		s = detailed
	}
	return s.Err()
}

// codeOf is the gRPC code for a status of HTTP. That a request was malformed, 400, is said of its credentials alone.
func codeOf(status int) codes.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return codes.Unavailable
	}
	return codes.Internal
}
