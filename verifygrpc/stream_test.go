package verifygrpc_test

import (
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
	"github.com/sallyport-auth/sallyport/verifygrpc"
)

// verifyGap is how long a verifier waits between two attempts to get its first keys.
const verifyGap = 5 * time.Second

// endIsGood takes the end of a stream for no error.
func endIsGood(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// eventually waits for what the reader of the feed is about to learn.
func eventually(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !isSo(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("it never is: %s", what)
		}
	}
}

// say sends a message on a chat and returns the answer.
func say(t testing.TB, send func(any) error, receive func() (string, error)) (string, error) {
	t.Helper()
	if err := send(wrapperspb.String("more")); err != nil && !errors.Is(err, io.EOF) { // EOF: the answer tells why
		t.Fatal(err)
	}
	return receive()
}

// TestStreamEndsWithItsToken: whatever ends a token ends its stream, at the next message that comes.
func TestStreamEndsWithItsToken(t *testing.T) {
	for _, tt := range []struct {
		name   string
		mode   verify.Revocation
		end    func(t *testing.T, w world, token string)
		code   codes.Code
		reason string
	}{
		{"expired", verify.Stateless, func(t *testing.T, w world, _ string) { w.clock.Advance(6 * time.Minute) }, codes.Unauthenticated, "TOKEN_NOT_VALID"},
		{"session ended", verify.Feed, func(t *testing.T, w world, token string) {
			w.issuer.EndSession("session-1")
			eventually(t, "the end is known", func() bool {
				_, err := w.Verify(t.Context(), token)
				return errors.Is(err, verify.ErrTokenRevoked)
			})
		}, codes.Unauthenticated, "TOKEN_NOT_VALID"},
		{"user changed", verify.Feed, func(t *testing.T, w world, token string) {
			w.issuer.MakeStale("user-1")
			eventually(t, "the change is known", func() bool {
				_, err := w.Verify(t.Context(), token)
				return errors.Is(err, verify.ErrTokenStale)
			})
		}, codes.Unauthenticated, "TOKEN_NOT_VALID"},
		{"feed too old", verify.Feed, func(t *testing.T, w world, _ string) {
			w.issuer.Fail(verifytest.Down)
			w.clock.Advance(verify.DefaultMaxFeedAge + time.Second)
			asked := w.issuer.Count(verifytest.Revocations)
			eventually(t, "a page that was under way has come", func() bool { return w.issuer.Count(verifytest.Revocations) > asked+1 })
			w.clock.Advance(verify.DefaultMaxFeedAge + time.Second)
		}, codes.Unavailable, "FEED_UNAVAILABLE"},
		{"asked online", verify.Online, func(t *testing.T, w world, _ string) { w.issuer.EndSession("session-1") }, codes.Unauthenticated, "TOKEN_NOT_VALID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, o := newWorld(t, tt.mode), newOrders()
			if err := w.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := serve(t, o, verifygrpc.Unary(w.Verifier), verifygrpc.Stream(w.Verifier))
			token := w.issuer.Token()
			ctx := with(t.Context(), "Bearer "+token)
			s := open(ctx, t, c, 1, chat)
			next := func() (string, error) { return receive(s) }
			if answer, err := next(); err != nil || answer != "of user-1" {
				t.Fatalf("the first answer is %q, %v", answer, err)
			}
			if answer, err := say(t, s.SendMsg, next); err != nil || answer != "of user-1" {
				t.Fatalf("the second answer is %q, %v", answer, err)
			}
			tt.end(t, w, token)
			answer, err := say(t, s.SendMsg, next)
			if reason, retry := reasonOf(err); status.Code(err) != tt.code || reason != tt.reason || (retry > 0) != (tt.code == codes.Unavailable) {
				t.Errorf("the answer after it is %q, %v, reason %q, retry after %v, want %v, %q", answer, err, reason, retry, tt.code, tt.reason)
			}
			if o.calls() != 2 {
				t.Errorf("%d messages reached the handler, want 2", o.calls())
			}
		})
	}
}

// TestStreamThatOnlySends: what the server says of its own accord ends too, and a handler that takes no notice of it cannot
// make the end a good one.
func TestStreamThatOnlySends(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	c := serve(t, o, verifygrpc.Unary(w.Verifier), verifygrpc.Stream(w.Verifier))
	s := open(with(t.Context(), "Bearer "+w.issuer.Token()), t, c, 0, watch)
	o.ticks <- struct{}{}
	if answer, err := receive(s); err != nil || answer != "of user-1" {
		t.Fatalf("the first message is %q, %v", answer, err)
	}
	if err := <-o.sent; err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(6 * time.Minute)
	o.ticks <- struct{}{}
	if err := <-o.sent; status.Code(err) != codes.Unauthenticated {
		t.Errorf("SendMsg after the end = %v, want Unauthenticated", err)
	}
	w.clock.Advance(-6 * time.Minute) // what was refused once stays so
	o.ticks <- struct{}{}
	if err := <-o.sent; status.Code(err) != codes.Unauthenticated {
		t.Errorf("SendMsg after a refusal = %v, want the same one", err)
	}
	close(o.ticks)
	if answer, err := receive(s); status.Code(err) != codes.Unauthenticated {
		t.Errorf("the client gets %q, %v, want Unauthenticated and nothing else", answer, err)
	}
}

func TestStreamWithoutAToken(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	c := serve(t, o, verifygrpc.Unary(w.Verifier), verifygrpc.Stream(w.Verifier, verify.Group("staff")))
	for _, tt := range []struct {
		name   string
		values []string
		code   codes.Code
	}{
		{"VM-01 none", nil, codes.Unauthenticated},
		{"VM-01 two", []string{"Bearer " + w.issuer.Token(), "Bearer " + w.issuer.Token()}, codes.Unauthenticated},
		{"foreign", []string{"Bearer " + w.issuer.Token(verifytest.Foreign())}, codes.Unauthenticated},
		{"no group", []string{"Bearer " + w.issuer.Token()}, codes.PermissionDenied},
	} {
		s, err := c.NewStream(with(t.Context(), tt.values...), &description.Streams[1], chat)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := receive(s); status.Code(err) != tt.code {
			t.Errorf("%s: %q, %v, want %v", tt.name, answer, err, tt.code)
		}
	}
	if o.calls() != 0 {
		t.Errorf("the handler was reached %d times", o.calls())
	}
}
