package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// newContenders are all who check tokens, the raw check first. The libraries get the one key, in the form
// that they use without conversion, and are asked for signature, issuer, audience and times; verify looks
// its key up by the key ID. An error leaves those that were made, to be closed.
func newContenders(issuer *tokenIssuer) (made []contender, err error) {
	for _, newContender := range []func(*tokenIssuer) (contender, error){
		rawCheck, verifyUnseen, verifySeen, verifyFollowing, golangJWT, goJose, goOIDC, jwx,
	} {
		c, err := newContender(issuer)
		if err != nil {
			return made, err
		}
		if c.prepare == nil {
			c.prepare = func([]string) error { return nil }
		}
		if c.close == nil {
			c.close = func() error { return nil }
		}
		made = append(made, c)
	}
	return made, nil
}

// rawCheck is the hash and the signature check and nothing else: all decoding is done before the clock
// starts.
func rawCheck(issuer *tokenIssuer) (contender, error) {
	public := issuer.key.Public()
	var decoded []signedText
	prepare := func(tokens []string) error {
		decoded = decoded[:0]
		for _, token := range tokens {
			d, err := decode(public, token)
			if err != nil {
				return err
			}
			decoded = append(decoded, d)
		}
		return nil
	}
	check := func(string) error {
		d := decoded[0]
		decoded = decoded[1:]
		return orWrong(d.verify(public))
	}
	return contender{name: rawName, prepare: prepare, check: check}, nil
}

// signedText is a signing input with its signature, which is in DER for ECDSA.
type signedText struct{ text, signature []byte }

func decode(public crypto.PublicKey, token string) (signedText, error) {
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if _, isECDSA := public.(*ecdsa.PublicKey); err == nil && isECDSA {
		half := len(signature) / 2
		signature, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
	}
	return signedText{[]byte(token[:end]), signature}, err
}

func (s signedText) verify(public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(s.text)
		return ecdsa.VerifyASN1(public, digest[:], s.signature)
	case ed25519.PublicKey:
		return ed25519.Verify(public, s.text, s.signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(s.text)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], s.signature) == nil
	}
	return false
}

func verifyUnseen(issuer *tokenIssuer) (contender, error) {
	return ours(issuer, unseenName, false, verify.Stateless)
}

func verifySeen(issuer *tokenIssuer) (contender, error) {
	return ours(issuer, seenName, true, verify.Stateless)
}

func verifyFollowing(issuer *tokenIssuer) (contender, error) {
	return ours(issuer, followingName, true, verify.Feed)
}

// ours is a verifier as a service has it, keys and feed fetched over HTTP.
func ours(issuer *tokenIssuer, name string, again bool, revocation verify.Revocation) (contender, error) {
	v, err := verify.New(verify.Config{Issuer: issuer.issuer, Audience: audience, Revocation: revocation, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return contender{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := v.Ready(ctx); err != nil {
		return contender{}, errors.Join(err, v.Close())
	}
	return contender{name: name, again: again, close: v.Close, check: func(token string) error {
		_, err := v.Verify(context.Background(), token)
		return err
	}}, nil
}

func golangJWT(issuer *tokenIssuer) (contender, error) {
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{string(issuer.algorithm)}), golangjwt.WithIssuer(issuer.issuer),
		golangjwt.WithAudience(audience), golangjwt.WithExpirationRequired(), golangjwt.WithIssuedAt())
	key := func(*golangjwt.Token) (any, error) { return issuer.key.Public(), nil }
	return contender{name: "golang-jwt", check: func(token string) error {
		_, err := parser.Parse(token, key)
		return err
	}}, nil
}

func goJose(issuer *tokenIssuer) (contender, error) {
	algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(issuer.algorithm)}
	public := issuer.key.Public()
	return contender{name: "go-jose", check: func(token string) error {
		parsed, err := josejwt.ParseSigned(token, algorithms)
		if err != nil {
			return err
		}
		var claims josejwt.Claims
		if err := parsed.Claims(public, &claims); err != nil {
			return err
		}
		return claims.Validate(josejwt.Expected{Issuer: issuer.issuer, AnyAudience: []string{audience}, Time: time.Now()})
	}}, nil
}

func goOIDC(issuer *tokenIssuer) (contender, error) {
	keys := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{issuer.key.Public()}}
	verifier := oidc.NewVerifier(issuer.issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{string(issuer.algorithm)}})
	return contender{name: "go-oidc", check: func(token string) error {
		_, err := verifier.Verify(context.Background(), token)
		return err
	}}, nil
}

func jwx(issuer *tokenIssuer) (contender, error) {
	algorithm, known := jwa.LookupSignatureAlgorithm(string(issuer.algorithm))
	if !known {
		return contender{}, fmt.Errorf("jwx does not know %s", issuer.algorithm)
	}
	options := []jwxjwt.ParseOption{
		jwxjwt.WithKey(algorithm, issuer.key.Public()), jwxjwt.WithIssuer(issuer.issuer), jwxjwt.WithAudience(audience),
	}
	return contender{name: "jwx", check: func(token string) error {
		_, err := jwxjwt.ParseString(token, options...)
		return err
	}}, nil
}

// keyServer publishes one key, and a feed, where verify looks for them.
type keyServer struct {
	issuer  string
	server  *http.Server
	serving sync.WaitGroup
}

func serveKey(key *jws.Key, signer crypto.Signer) (*keyServer, error) {
	document, err := json.Marshal(map[string]any{"keys": []any{key.JWK()}})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &keyServer{issuer: "http://" + listener.Addr().String()}
	routes := http.NewServeMux()
	routes.Handle("/revocations/", newEntries(s.issuer, key, signer))
	routes.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Write(document)
	})
	s.server = &http.Server{Handler: routes}
	s.serving.Go(func() { s.server.Serve(listener) }) // ends with ErrServerClosed, by Close
	return s, nil
}

func (s *keyServer) close() error {
	err := s.server.Close()
	s.serving.Wait()
	return err
}
