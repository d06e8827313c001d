package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPasswordLine(t *testing.T) {
	for _, tc := range []struct{ name, input, want, fault string }{
		{"line", "pass word\n", "pass word", ""},
		{"line of Windows", "pass word\r\n", "pass word", ""},
		{"without a newline", " pass ", " pass ", ""},
		{"empty", "", "", "standard input is empty"},
		{"newline alone", "\n", "", "standard input is empty"},
		{"two lines", "CANARY\nCANARY\n", "", "more than one line"},
		{"empty line behind", "CANARY\n\n", "", "more than one line"},
		{"carriage return inside", "CAN\rARY\n", "", "more than one line"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := passwordLine(strings.NewReader(tc.input), "test")
			if got != tc.want || (err == nil) != (tc.fault == "") {
				t.Errorf("passwordLine(%q) = %q, %v, want %q, fault %q", tc.input, got, err, tc.want, tc.fault)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.fault) || strings.Contains(err.Error(), "CAN")) {
				t.Errorf("passwordLine(%q) = %v, want %q and no password", tc.input, err, tc.fault)
			}
		})
	}
}

func TestAskTwice(t *testing.T) {
	for _, tc := range []struct{ name, typed, want, fault string }{
		{"twice the same", "CANARY ü\rCANARY ü\r", "CANARY ü", ""},
		{"corrected", "CANARX\x7fY\rCANARY\r", "CANARY", ""},
		{"not the same", "CANARY\rCANARZ\r", "", "the two passwords differ"},
		{"empty", "\r\r", "", "the password is empty"},
		{"Ctrl-C", "CANA\x03", "", "interrupted"},
		{"Ctrl-C at the second", "CANARY\r\x03", "", "interrupted"},
		{"Ctrl-D", "\x04", "", "interrupted"},
		{"end of the input", "CANARY", "", "interrupted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var shown bytes.Buffer
			got, err := askTwice(struct {
				io.Reader
				io.Writer
			}{strings.NewReader(tc.typed), &shown}, "test")
			if got != tc.want || (err == nil) != (tc.fault == "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
				t.Errorf("askTwice(%q) = %q, %v, want %q, fault %q", tc.typed, got, err, tc.want, tc.fault)
			}
			if (tc.fault == "interrupted") != errors.Is(err, errInterrupted) {
				t.Errorf("askTwice(%q) = %v, want an interrupt: %v", tc.typed, err, tc.fault == "interrupted")
			}
			if strings.Contains(shown.String(), "CANA") {
				t.Errorf("askTwice(%q) shows %q", tc.typed, shown.String())
			}
		})
	}
}

func TestInterruptIsStatus130(t *testing.T) {
	var stderr bytes.Buffer
	if code := report(&stderr, "sallyport", errors.Join(errInterrupted, nil)); code != exitInterrupted || stderr.Len() > 0 {
		t.Errorf("report(interrupted) = %d with %q, want 130 and nothing to read", code, stderr.String())
	}
}
