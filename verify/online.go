package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const (
	// onlineLimit is for one question in all.
	onlineLimit = 2 * time.Second
	// maxAnswer is the longest answer that is read.
	maxAnswer = 4 << 10
)

// online asks the server about a token.
type online struct {
	address string
	client  *http.Client
}

// newOnline follows no redirect, whatever the client does: a 302 makes a GET of the question (RFC 9110 §15.4.3), and
// the 200 of the page that it leads to would be taken for the answer.
func newOnline(address string, client *http.Client) *online {
	copied := *client
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &online{address: address, client: &copied}
}

// check says whether a token that is otherwise good has been revoked.
func (o *online) check(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, onlineLimit)
	defer cancel()
	body, err := json.Marshal(struct {
		Token string `json:"token"`
	}{token})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Encoding", "identity") // a small answer must not become a large one
	response, err := o.client.Do(request)
	if err != nil {
		return issuerUnavailable(defaultRetry, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)) // to the end, so that the connection can be used again
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return ErrTokenRevoked
	case response.StatusCode != http.StatusOK:
	case err != nil:
		return issuerUnavailable(defaultRetry, err)
	case !isAnswer(response.Header.Get("Content-Type"), answer):
		return issuerUnavailable(defaultRetry, errors.New("status 200, but not the server's answer; is the issuer the full URL of the mount?"))
	default:
		return nil
	}
	wait := defaultRetry
	if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil && seconds > 0 {
		wait = min(time.Duration(seconds)*time.Second, longestRetry)
	}
	return issuerUnavailable(wait, fmt.Errorf("status %d", response.StatusCode))
}

// isAnswer tells the server's answer, an object in JSON, from what others say with 200: an app that has a page for
// every address, a proxy that shows its own.
func isAnswer(contentType string, body []byte) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/json" || len(body) > maxAnswer {
		return false
	}
	_, err = strictjson.ParseObject(body)
	return err == nil
}

func issuerUnavailable(wait time.Duration, cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		cause = errors.New("no answer in time")
	}
	return &notNowError{ErrIssuerUnavailable, "issuer_unavailable", wait, cause}
}
