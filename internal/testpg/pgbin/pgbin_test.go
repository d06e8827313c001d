package pgbin

import "testing"

func TestMajorVersion(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       int
	}{
		{"Debian", "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n", 15},
		{"release", "postgres (PostgreSQL) 18.1\n", 18},
		{"beta", "postgres (PostgreSQL) 19beta1\n", 19},
		{"development", "postgres (PostgreSQL) 19devel", 19},
		{"only a number", "postgres (PostgreSQL) 17", 17},
		{"another program", "something 15.1\n", 0},
		{"nothing", "", 0},
	} {
		if got := majorVersion(c.line); got != c.want {
			t.Errorf("%s: majorVersion(%q) = %d, want %d", c.name, c.line, got, c.want)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for dir, want := range map[string]int{"/usr/lib/postgresql/15/bin": 15, "/usr/lib/postgresql/17/bin": 17, "/usr/bin": 0, "": 0} {
		if got := versionOf(dir); got != want {
			t.Errorf("versionOf(%q) = %d, want %d", dir, got, want)
		}
	}
}
