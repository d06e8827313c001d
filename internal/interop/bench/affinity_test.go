package main

import (
	"slices"
	"testing"
)

func TestParseCores(t *testing.T) {
	for _, c := range []struct {
		name, list string
		want       []int // nil for an error
	}{
		{"one", "0", []int{0}},
		{"a range", "0-3", []int{0, 1, 2, 3}},
		{"both, with the line's end", "0-1,4,6-7\n", []int{0, 1, 4, 6, 7}},
		{"empty", "", nil},
		{"a word", "all", nil},
		{"downwards", "3-1", nil},
		{"without an end", "3-", nil},
		{"negative", "-1", nil},
		{"too many", "0-99999999", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseCores(c.list)
			if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
				t.Errorf("parseCores(%q) = %v, %v, want %v", c.list, got, err, c.want)
			}
		})
	}
}

func TestCoreSplit(t *testing.T) {
	for _, c := range []struct {
		name    string
		allowed []int
		want    split
	}{
		{"unknown", nil, unsplit},
		{"one", []int{3}, unsplit},
		{"two", []int{0, 1}, split{server: 1, load: 0}},
		{"those that are left to us", []int{5, 7, 9}, split{server: 7, load: 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := coreSplit(c.allowed); got != c.want {
				t.Errorf("coreSplit(%v) = %+v, want %+v", c.allowed, got, c.want)
			}
		})
	}
}

func TestEnterAndLeave(t *testing.T) {
	before := allowedCores()
	cores := coreSplit(before)
	if cores == unsplit {
		return // nothing to enter: there is one core, or no way to tell
	}
	leave, err := enter(cores.server)
	if err != nil {
		t.Fatal(err)
	}
	if got := allowedCores(); !slices.Equal(got, []int{cores.server}) {
		t.Errorf("after enter(%d) the cores are %v", cores.server, got)
	}
	if err := leave(); err != nil {
		t.Fatal(err)
	}
	if got := allowedCores(); !slices.Equal(got, before) {
		t.Errorf("after leave the cores are %v, want %v", got, before)
	}
}
