package idptest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

func Example() {
	p, err := idptest.Start(idptest.Config{Personality: idptest.Cognito, ClientID: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	p.Bend(1, idptest.Claim("email_verified", "true"), idptest.Without("nonce"))
	bent, err := p.SignIn(context.Background(), idptest.Alice()) // login page, code, PKCE: everything over HTTP
	if err != nil {
		fmt.Println(err)
		return
	}
	_, claims, _ := idptest.Decode(bent.IDToken)
	fmt.Printf("aud %v, token_use %v, email_verified %q, nonce %v\n",
		claims["aud"], claims["token_use"], claims["email_verified"], claims["nonce"])
	fmt.Println("asked for tokens:", p.Count(idptest.Token))
	// Output:
	// aud shop, token_use id, email_verified "true", nonce <nil>
	// asked for tokens: 1
}

// One bend at a time: whatever refuses the token has no other reason to.
func ExampleProvider_Tokens() {
	p, err := idptest.Start(idptest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	confused := p.Tokens(idptest.Bob(), idptest.Algorithm("HS256"), idptest.HMACKey(p.PublicKeys()[0].DER()))
	header, _, _ := idptest.Decode(confused.IDToken)
	fmt.Println(header["alg"])

	old := p.Tokens(idptest.Bob(), idptest.IssuedAt(time.Unix(1_000_000_000, 0)))
	_, claims, _ := idptest.Decode(old.IDToken)
	fmt.Println(claims["iat"], claims["exp"])
	// Output:
	// HS256
	// 1000000000 1000003600
}
