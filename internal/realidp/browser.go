package realidp

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Browser is what one person's browser keeps of a provider: its cookies, and with them the session there. It does not
// leave the provider's host.
type Browser struct{ client *http.Client }

// NewBrowser makes one without cookies.
func NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // without options it has nothing to refuse
	client := newClient()
	client.Jar = jar
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != via[0].URL.Host || len(via) > 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &Browser{client}
}

// Authorize opens an authorization request, signs user in if the login page comes, and returns the callback, which it
// does not visit. The error of a wrong password says that the login page came again.
func (b *Browser) Authorize(ctx context.Context, authorizeURL string, user User) (*url.URL, error) {
	callback, err := b.through(ctx, authorizeURL, user)
	if errors.Is(err, errFormAgain) {
		return nil, fmt.Errorf("%s cannot sign in: the login page came again", user.Email)
	}
	return callback, err
}

// EndSession opens the address at which the provider ends its session (OpenID Connect RP-Initiated Logout 1.0 §2),
// agrees if it asks, and returns where the provider leads then, which it does not visit.
func (b *Browser) EndSession(ctx context.Context, address string) (*url.URL, error) {
	return b.through(ctx, address, User{})
}

var errFormAgain = errors.New("the form came again")

// through opens an address, fills in one form if there is one, and returns the address elsewhere that the provider leads to.
func (b *Browser) through(ctx context.Context, address string, user User) (*url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	page, err := visit(b.client, req)
	if err != nil || page.location != nil { // signed in already, or refused with an error
		return page.location, err
	}
	if req, err = fill(ctx, page, user); err != nil {
		return nil, err
	}
	if page, err = visit(b.client, req); err != nil {
		return nil, fmt.Errorf("after the form: %w", err)
	}
	if page.location == nil {
		return nil, errFormAgain
	}
	return page.location, nil
}

// page is where a visit ended: at a document, or at a redirect that the client does not follow.
type page struct {
	at       *url.URL
	html     string
	location *url.URL
}

func visit(client *http.Client, req *http.Request) (page, error) {
	res, err := client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	if location, err := res.Location(); err == nil {
		return page{location: location}, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return page{}, err
	}
	if res.StatusCode != http.StatusOK {
		return page{}, fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return page{at: res.Request.URL, html: string(body)}, nil
}

var (
	formTag   = regexp.MustCompile(`(?is)<form\b[^>]*>`)
	inputTag  = regexp.MustCompile(`(?is)<input\b[^>]*>`)
	buttonTag = regexp.MustCompile(`(?is)<button\b[^>]*>`)
	attribute = regexp.MustCompile(`(?is)\b([a-z]+)\s*=\s*"([^"]*)"`)
)

// fill makes the request that a browser sends when user has filled in the form of p and pressed its button.
func fill(ctx context.Context, p page, user User) (*http.Request, error) {
	form := formTag.FindString(p.html)
	if form == "" {
		return nil, fmt.Errorf("no form at %s", p.at)
	}
	action, err := p.at.Parse(attributes(form)["action"])
	if err != nil {
		return nil, err
	}
	values := url.Values{}
	for _, input := range inputTag.FindAllString(p.html, -1) {
		switch a := attributes(input); a["type"] {
		case "password":
			values.Set(a["name"], user.Password)
		case "text", "email":
			values.Set(a["name"], user.Email)
		case "hidden":
			values.Set(a["name"], a["value"])
		}
	}
	if button := attributes(buttonTag.FindString(p.html)); button["name"] != "" {
		values.Set(button["name"], button["value"])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

func attributes(tag string) map[string]string {
	found := map[string]string{}
	for _, match := range attribute.FindAllStringSubmatch(tag, -1) {
		found[strings.ToLower(match[1])] = html.UnescapeString(match[2])
	}
	return found
}
