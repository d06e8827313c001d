package proof

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/testpg"
)

var (
	long = flag.Bool("long", false, "run the long form of every proof")
	seed = flag.Uint64("seed", 0, "seed of what is drawn; 0 draws one")
)

// program is the binary sallyport, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()>>1 | 1
	}
	os.Exit(testpg.Main(built{m}).Run())
}

// built runs the tests with the binary, and removes it.
type built struct{ tests *testing.M }

// Run implements testpg.Runner.
func (b built) Run() int {
	dir, err := os.MkdirTemp("", "sallyport-proof-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "sallyport")
	build := exec.Command("go", "build", "-o", program, "github.com/sallyport-auth/sallyport/cmd/sallyport")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the binary:", err)
		return 1
	}
	return b.tests.Run()
}

// drawn is a source of random numbers that the seed decides, and says which seed when the test fails.
func drawn(t *testing.T) *rand.Rand {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with -args -seed=%d", *seed)
		}
	})
	return rand.New(rand.NewPCG(*seed, 0))
}

// often is the number of rounds: few, or many with -long.
func often(few, many int) int {
	if *long {
		return many
	}
	return few
}
