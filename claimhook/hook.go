package claimhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// Hook asks one service. It is safe for concurrent use.
type Hook struct {
	url     string
	key     []byte
	timeout time.Duration
	now     func() time.Time
	client  *http.Client
	idle    func() // closes the idle connections of our own client; nil with somebody else's
}

// question is the body of a request. Lists and objects in it are never null.
type question struct {
	Reason    sallyport.Reason `json:"reason"`
	User      person           `json:"user"`
	SessionID sallyport.ID     `json:"session_id"`
	ClientID  string           `json:"client_id"`
}

// person is what the service learns of a user.
type person struct {
	ID            sallyport.ID   `json:"id"`
	Username      string         `json:"username"`
	Email         string         `json:"email"`
	EmailVerified bool           `json:"email_verified"`
	FirstName     string         `json:"first_name"`
	LastName      string         `json:"last_name"`
	IsActive      bool           `json:"is_active"`
	Groups        []string       `json:"groups"`
	Attributes    map[string]any `json:"attributes"`
}

// Claims asks the service once and returns the claims of its answer, numbers in them as [json.Number].
// It is a [sallyport.ClaimFunc], which checks names and size. An error says in one line what went wrong;
// it holds nothing of the user, the secret, the query of the URL or the answer's body. It wraps
// context.DeadlineExceeded or context.Canceled when that is the cause.
func (h *Hook) Claims(ctx context.Context, r sallyport.ClaimRequest) (map[string]any, error) {
	body, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("claimhook: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	answer, err := h.ask(ctx, body)
	if err != nil {
		return nil, fmt.Errorf("claimhook: %w", err)
	}
	claims, err := parseAnswer(answer)
	if err != nil {
		return nil, fmt.Errorf("claimhook: answer: %w", err)
	}
	return claims, nil
}

// Close closes the idle connections of the default client; one that was given stays its owner's. The error
// is always nil.
func (h *Hook) Close() error {
	if h.idle != nil {
		h.idle()
	}
	return nil
}

func encode(r sallyport.ClaimRequest) ([]byte, error) {
	u := r.User
	if u == nil {
		return nil, errors.New("no user to ask about")
	}
	p := person{u.ID, u.Username, u.Email, u.EmailVerified, u.FirstName, u.LastName, u.IsActive, u.Groups, u.Attributes}
	if p.Groups == nil {
		p.Groups = []string{}
	}
	if p.Attributes == nil {
		p.Attributes = map[string]any{}
	}
	body, err := json.Marshal(question{r.Reason, p, r.SessionID, r.ClientID})
	if err != nil { // whose text may quote the value
		return nil, errors.New("an attribute of the user is not JSON")
	}
	return body, nil
}

// ask sends body and returns the body of a good answer.
func (h *Hook) ask(ctx context.Context, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil { // New has parsed the same URL; the text would quote it
		return nil, errors.New("the URL cannot be used")
	}
	// The transport sends a POST again only when nothing of it was written, to a connection found closed.
	h.sign(request.Header, body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Encoding", "identity") // a small answer must not become a large one
	request.Header.Set("User-Agent", "sallyport")
	response, err := h.client.Do(request)
	if err != nil {
		return nil, broken(ctx, err)
	}
	defer response.Body.Close()
	return readAnswer(response)
}

// sign sets the three headers of Standard Webhooks.
func (h *Hook) sign(header http.Header, body []byte) {
	id := "msg_" + rand.Text()
	timestamp := strconv.FormatInt(h.now().Unix(), 10)
	mac := hmac.New(sha256.New, h.key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", timestamp)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
