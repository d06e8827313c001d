package claimhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
)

// receiver is the service that knows the claims: it believes a request whose signature is right and not
// older than five minutes. The key of a secret that begins with "whsec_" is the base64 after it, decoded.
func receiver(key []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		timestamp := r.Header.Get("webhook-timestamp")
		seconds, _ := strconv.ParseInt(timestamp, 10, 64) // 0, which is too old, for what is no number
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), timestamp, body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		genuine := hmac.Equal([]byte(r.Header.Get("webhook-signature")), []byte(want))
		if err != nil || !genuine || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
			http.Error(w, "not signed by Sallyport", http.StatusUnauthorized)
			return
		}
		var question struct {
			User struct{ Username string }
		}
		if err := json.Unmarshal(body, &question); err != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		plan := map[string]string{"ada": "gold"}[question.User.Username]
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"claims": map[string]any{"plan": plan}})
	}
}

func Example() {
	key := make([]byte, 32)
	rand.Read(key)
	service := httptest.NewServer(receiver(key))
	defer service.Close()

	hook, err := claimhook.New(claimhook.Config{URL: service.URL, Secret: key})
	if err != nil {
		log.Fatal(err)
	}
	defer hook.Close()

	// sallyport.Config{Claims: []sallyport.ClaimFunc{hook.Claims}} calls it for every access token.
	claims, err := hook.Claims(context.Background(), sallyport.ClaimRequest{
		Reason: sallyport.ReasonSignIn, User: &sallyport.User{Username: "ada"}, ClientID: "sallyport",
	})
	fmt.Println(claims, err)
	// Output: map[plan:gold] <nil>
}
