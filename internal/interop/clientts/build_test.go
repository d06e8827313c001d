package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const again = "run `go generate ./clientts` in internal/interop"

func TestBundlesAreThoseOfTheSources(t *testing.T) {
	built, err := bundles()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range built {
		if got, err := os.ReadFile(filepath.Join(clientDir, "dist", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("dist/%s is stale (%v): %s", name, err, again)
		}
	}
	want, err := minified(pagesCode)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(pagesFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale (%v): %s", pagesFile, err, again)
	}
}

func TestDeclarationsAreThoseOfTheSources(t *testing.T) {
	sum, err := sourceSum()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(clientDir, "dist", sumName)); err != nil || strings.TrimSpace(string(got)) != sum {
		t.Errorf("the declarations are of other sources (%v): %s", err, again)
	}
	declared, err := declarations() // which is the strict check as well
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Collect(maps.Keys(declared))
	files, err := filepath.Glob(filepath.Join(clientDir, "dist", "*.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	there := []string{sumName}
	for _, file := range files {
		there = append(there, filepath.Base(file))
	}
	slices.Sort(names)
	slices.Sort(there)
	if diff := cmp.Diff(names, there); diff != "" {
		t.Errorf("declarations (-made +there):\n%s", diff)
	}
	for name, want := range declared {
		if got, err := os.ReadFile(filepath.Join(clientDir, "dist", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("dist/%s is stale (%v): %s", name, err, again)
		}
	}
}

func TestBudgets(t *testing.T) {
	for _, b := range budgets {
		size, err := weigh(b.code)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d of %d bytes", b.name, size, b.bytes)
		if size > b.bytes {
			t.Errorf("%s has %d bytes after gzip -9, and %d are what an app may be made to load", b.name, size, b.bytes)
		}
	}
}

// Rule 21: what a server imports starts nothing there.
func TestImportableOnAServer(t *testing.T) {
	inNode(t, `import { createAuth, AuthError } from "./index.js";
		const auth = createAuth();
		assert.equal(auth.getSnapshot().status, "unknown");
		assert(new AuthError("a", 1) instanceof Error);`)
}

// What an app's tests rely on in the fake is what the real one does.
func TestFake(t *testing.T) {
	inNode(t, `import { AuthError } from "./index.js";
		import { fakeAuth } from "./testing.js";
		const session = (id, current) => ({id, current});
		const sent = [];
		const auth = fakeAuth({apiOrigins: ["https://api.example"], sessions: [session("a", true), session("b", false)], fetch: async (r) => (sent.push(r.headers.get("Authorization")), new Response("ok"))});
		const events = [];
		auth.on((event) => events.push(event));
		let changes = 0;
		const off = auth.subscribe(() => changes++);
		const waiting = auth.ready();
		assert.equal(auth.getSnapshot().status, "unknown");
		auth.failNext("invalid_credentials", 401, {retryAfter: 3});
		await assert.rejects(auth.signIn({username: "ada", password: "x"}), (e) => e instanceof AuthError && e.code === "invalid_credentials" && e.status === 401 && e.retryAfter === 3 && !e.transient);
		assert.deepEqual(await auth.signIn({username: "ada", password: "x"}), {id: "fake"});
		assert.equal((await waiting).status, "signed-in");
		assert.equal(await auth.getAccessToken(), "fake");
		await auth.fetch("https://api.example/");
		await auth.fetch("https://elsewhere.example/");
		await auth.refresh();
		auth.redirect("google");
		auth.becomeOffline();
		assert.deepEqual([auth.getSnapshot().status, auth.getSnapshot().stale], ["signed-in", true]);
		await assert.rejects(auth.refresh(), (e) => e.code === "network" && e.transient);
		auth.becomeOnline();
		await auth.sessions.revoke("b");
		assert.deepEqual((await auth.sessions.list()).map((s) => s.id), ["a"]);
		await auth.sessions.revoke("a"); // one's own
		assert.equal(auth.getSnapshot().status, "signed-out");
		assert.equal(await auth.getAccessToken(), null);
		await auth.fetch("https://api.example/");
		auth.becomeSignedIn({id: "eve"});
		auth.becomeOffline();
		await auth.signOut(); // in an outage as well
		assert.equal(auth.getSnapshot().status, "signed-out");
		auth.becomeSignedIn({id: "eve"});
		auth.becomeSignedOut("expired");
		assert.deepEqual(sent, ["Bearer fake", null, null]);
		assert.deepEqual(events, ["signed-in", "refreshed", "offline", "online", "signed-out", "signed-in", "offline", "signed-out", "signed-in", "expired"]);
		assert.deepEqual(auth.calls.find((c) => c.call === "redirect"), {call: "redirect", with: ["google"]});
		const before = changes, same = auth.getSnapshot();
		auth.becomeSignedOut(); // a second time
		assert.equal(auth.getSnapshot(), same);
		assert.equal(events.length, 10);
		auth.on(() => { throw new Error("mine"); });
		auth.on((event) => events.push(event));
		off();
		auth.becomeSignedIn({id: "eve"});
		assert.equal(events.length, 12);
		assert.equal(changes, before);
		auth.dispose();`)
}

// inNode runs a module beside those of dist/.
func inNode(t *testing.T, code string) {
	t.Helper()
	command := exec.Command("node", "--input-type=module", "-e", `import assert from "node:assert/strict";`+code)
	command.Dir = filepath.Join(clientDir, "dist")
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
