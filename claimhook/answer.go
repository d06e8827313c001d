package claimhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// maxAnswer is how many bytes of an answer are read: the claims of a token may weigh 4 KiB.
const maxAnswer = 64 << 10

// readAnswer returns the body of an answer that is 200 and JSON; of a longer one than maxAnswer it leaves
// the rest unread.
func readAnswer(response *http.Response) ([]byte, error) {
	switch status := response.StatusCode; {
	case status >= 300 && status < 400:
		return nil, fmt.Errorf("answered status %d; redirects are not followed", status)
	case status != http.StatusOK:
		return nil, fmt.Errorf("answered status %d, want 200", status)
	}
	// mime returns the type even beside an error about a parameter; such a header is refused.
	if mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, errors.New("answered with a Content-Type other than application/json")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, broken(response.Request.Context(), err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("answered more than %d bytes", maxAnswer)
	}
	return body, nil
}

// parseAnswer takes the claims out of a body. Other members are ignored: a later version may
// give them a meaning.
func parseAnswer(body []byte) (map[string]any, error) {
	members, err := strictjson.ParseObject(body)
	if err != nil {
		return nil, err
	}
	claims, ok := members["claims"].(map[string]any)
	if !ok {
		return nil, errors.New(`the member "claims" is missing or not an object`)
	}
	return claims, nil
}

// broken says why there is no whole answer. It chooses among texts that are known: those of the client
// quote the URL, or what a server sent in place of HTTP.
func broken(ctx context.Context, err error) error {
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("given up: %w", context.Canceled)
	case ctx.Err() != nil, ok && timeout.Timeout():
		return fmt.Errorf("no whole answer in time: %w", context.DeadlineExceeded)
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("connecting: %w", certificate)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "remote error") { // the second is an alert of TLS
		return fmt.Errorf("connecting: %w", op)
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return errors.New("connecting: the server does not speak TLS")
	}
	return errors.New("the connection ended before a whole answer had come")
}
