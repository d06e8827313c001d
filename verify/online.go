package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// onlineLimit is for one question in all.
	onlineLimit = 2 * time.Second
	// maxAnswer is how much of an answer is read, so that the connection can be used again.
	maxAnswer = 4 << 10
)

// online asks the server about a token.
type online struct {
	address string
	client  *http.Client
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
	response, err := o.client.Do(request)
	if err != nil {
		return issuerUnavailable(defaultRetry, err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized:
		return ErrTokenRevoked
	}
	wait := defaultRetry
	if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil && seconds > 0 {
		wait = min(time.Duration(seconds)*time.Second, longestRetry)
	}
	return issuerUnavailable(wait, fmt.Errorf("status %d", response.StatusCode))
}

func issuerUnavailable(wait time.Duration, cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		cause = errors.New("no answer in time")
	}
	return &notNowError{ErrIssuerUnavailable, "issuer_unavailable", wait, cause}
}
