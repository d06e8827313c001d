package password_test

import (
	"context"
	"fmt"

	"github.com/sallyport-auth/sallyport/password"
)

func Example() {
	hasher, err := password.New(password.Config{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	encoded, err := hasher.Hash(ctx, "violet sofa by the window")
	if err != nil {
		panic(err)
	}
	fmt.Println(encoded[:31])
	fmt.Println(hasher.Verify(ctx, encoded, "violet sofa by the window"))
	fmt.Println(hasher.Verify(ctx, encoded, "violet sofa"))
	fmt.Println(hasher.VerifyNobody(ctx, "violet sofa by the window"))
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1$
	// <nil>
	// password: does not match
	// password: does not match
}
