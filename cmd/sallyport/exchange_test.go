package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/realidp"
)

// The whole way: the binary, configured by environment, exchanges a token of a real user pool.
func TestServeExchangesATokenOfARealPool(t *testing.T) {
	pool := realidp.Cognito(t)
	idps, err := json.Marshal([]map[string]any{{
		"name": "pool", "provider": "cognito", "issuer": pool.Issuer, "client_id": pool.ClientID,
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := startServer(t.TempDir(), []string{
		"PATH=" + os.Getenv("PATH"), "SALLYPORT_IDPS=" + string(idps), "SALLYPORT_USER_FIELDS=username,email,sub",
		"SALLYPORT_USER_UUID_ATTRIBUTE=sub",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if status := p.stop(syscall.SIGTERM); status != 0 {
			t.Errorf("sallyport serve ended with status %d\n%s", status, p.log())
		}
	}()
	tokens, err := pool.SignIn(t.Context(), pool.Alice)
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(idToken string) (int, map[string]any) {
		body, err := json.Marshal(map[string]string{"id_token": idToken, "access_token": tokens.AccessToken})
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Post(p.url+"/auth/social-exchange/", "application/json", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]any
		if err := json.Unmarshal(data, &answer); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		return res.StatusCode, answer
	}
	status, answer := exchange(tokens.IDToken)
	user, _ := answer["user"].(map[string]any)
	if status != 200 || user["email"] != pool.Alice.Email || user["sub"] == nil || answer["access_token"] == nil {
		t.Errorf("social-exchange = %d %v, want tokens and the user %s", status, answer["user"], pool.Alice.Email)
	}
	if status, answer := exchange(tokens.IDToken); status != 401 || answer["code"] != "idp_token_replayed" {
		t.Errorf("the same token again = %d %v, want 401 idp_token_replayed", status, answer["code"])
	}
	if log := p.log(); strings.Contains(log, tokens.IDToken) || strings.Contains(log, pool.Alice.Email) {
		t.Error("the log holds a token or an e-mail address")
	}
}
