package realidp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Pool is a Cognito user pool with one public app client and three users. It is served by
// cognito-local, which is not Amazon: email_verified is true whatever was stored, one fixed key
// whose private half is public signs for every pool, there is no nonce, and the tokens live for 24
// hours. Test trust in e-mail addresses and keys on package idptest.
type Pool struct {
	Issuer      string // the key set is at Issuer + "/.well-known/jwks.json"
	Region      string
	UserPool    string // its id
	ClientID    string // of a public client
	RedirectURI string // the client's; nobody listens there
	Domain      string // serves /oauth2/authorize and /oauth2/token

	Alice User // e-mail address verified, in the group "admins"
	Bob   User // e-mail address stored as not verified
	Carol User // e-mail address of which nothing is said
}

// User is somebody who can sign in at a pool. Everybody has the attribute custom:tenant, "t1".
type User struct {
	Email    string
	Password string
}

const (
	startLimit = 60 * time.Second // of a provider, on a machine that is busy
	callLimit  = 20 * time.Second // of one HTTP exchange with it
)

// Cognito starts cognito-local, fills it, and ends it when the test is over; what it printed goes
// into the log of a test that fails. Starting takes 0.3 s on an idle machine.
func Cognito(t testing.TB) *Pool {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	node, script, err := find(dir, "cognito-local/lib/bin/start.js")
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	var p *process
	var domain string
	for range 3 { // somebody else may take the port first
		if p, domain, err = startCognito(ctx, node, script, t.TempDir()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal("realidp: cognito-local: ", err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("cognito-local at %s:\n%s", domain, p.output)
		}
	})
	pool, err := seed(ctx, domain)
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	return pool
}

// startCognito runs cognito-local on a port of its own; dir, which is empty, becomes its database.
func startCognito(ctx context.Context, node, script, dir string) (*process, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	domain := fmt.Sprintf("http://127.0.0.1:%d", port)
	config, err := json.Marshal(map[string]any{
		"TokenConfig":      map[string]any{"IssuerDomain": domain},
		"ServerConfig":     map[string]any{"hostname": "127.0.0.1", "port": port},
		"UserPoolDefaults": map[string]any{"UsernameAttributes": []string{"email"}},
	})
	if err != nil {
		return nil, "", err
	}
	if err := os.Mkdir(filepath.Join(dir, ".cognito"), 0o700); err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(dir, ".cognito", "config.json"), config, 0o600); err != nil {
		return nil, "", err
	}
	p, err := start(ctx, node, script, dir, "Cognito Local running on "+domain)
	return p, domain, err
}

// seed makes the pool, the client, the group and the users of an empty cognito-local.
func seed(ctx context.Context, domain string) (*Pool, error) {
	pool := &Pool{Domain: domain, Region: "local", RedirectURI: "http://127.0.0.1:9/callback"}
	var made struct {
		UserPool struct{ ID string }
	}
	if err := pool.call(ctx, "CreateUserPool", object{"PoolName": "sallyport", "UsernameAttributes": []string{"email"}}, &made); err != nil {
		return nil, err
	}
	pool.UserPool = made.UserPool.ID
	pool.Issuer = domain + "/" + pool.UserPool
	var err error
	if pool.ClientID, err = pool.AddClient(ctx, pool.RedirectURI); err != nil {
		return nil, err
	}
	if err := pool.call(ctx, "CreateGroup", object{"UserPoolId": pool.UserPool, "GroupName": "admins"}, nil); err != nil {
		return nil, err
	}
	if pool.Alice, err = pool.addUser(ctx, "alice", "true"); err != nil {
		return nil, err
	}
	if pool.Bob, err = pool.addUser(ctx, "bob", "false"); err != nil {
		return nil, err
	}
	if pool.Carol, err = pool.addUser(ctx, "carol", ""); err != nil {
		return nil, err
	}
	return pool, pool.call(ctx, "AdminAddUserToGroup", object{
		"UserPoolId": pool.UserPool, "GroupName": "admins", "Username": pool.Alice.Email,
	}, nil)
}

// AddClient registers one more public app client, with exactly one redirect URI, and returns its id.
func (p *Pool) AddClient(ctx context.Context, redirectURI string) (clientID string, err error) {
	var made struct {
		UserPoolClient struct{ ClientID string }
	}
	err = p.call(ctx, "CreateUserPoolClient", object{
		"UserPoolId":                      p.UserPool,
		"ClientName":                      "spa",
		"GenerateSecret":                  false,
		"CallbackURLs":                    []string{redirectURI},
		"AllowedOAuthFlowsUserPoolClient": true,
		"AllowedOAuthFlows":               []string{"code"},
		"AllowedOAuthScopes":              []string{"openid", "email", "profile"},
		"ExplicitAuthFlows":               []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	}, &made)
	return made.UserPoolClient.ClientID, err
}

// addUser makes a user with a password and a stored email_verified, "" for none.
func (p *Pool) addUser(ctx context.Context, name, verified string) (User, error) {
	user := User{Email: name + "@example.com", Password: "Aa1!" + rand.Text()}
	attributes := []object{
		{"Name": "email", "Value": user.Email},
		{"Name": "given_name", "Value": name},
		{"Name": "custom:tenant", "Value": "t1"},
	}
	if verified != "" {
		attributes = append(attributes, object{"Name": "email_verified", "Value": verified})
	}
	err := p.call(ctx, "AdminCreateUser", object{
		"UserPoolId": p.UserPool, "Username": user.Email, "TemporaryPassword": user.Password,
		"MessageAction": "SUPPRESS", "UserAttributes": attributes,
	}, nil)
	if err != nil {
		return User{}, err
	}
	return user, p.call(ctx, "AdminSetUserPassword", object{
		"UserPoolId": p.UserPool, "Username": user.Email, "Password": user.Password, "Permanent": true,
	}, nil)
}

// object is a JSON object.
type object map[string]any

// call is one operation of the Cognito user pools API. The emulator asks for no AWS signature.
func (p *Pool) call(ctx context.Context, operation string, in object, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Domain+"/", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	if err := exchange(newClient(), req, out); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// newClient makes a client that leaves no connection and no goroutine behind.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// exchange sends req and decodes the JSON of a 200 answer into out, unless that is nil.
func exchange(client *http.Client, req *http.Request, out any) error {
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}
