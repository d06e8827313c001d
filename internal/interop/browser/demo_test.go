package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// demoPage is the page of a demo, with demo signed in by password.
func demoPage(t *testing.T) (*tab, string) {
	t.Helper()
	at := runDemo(t)
	b := watched(t)
	b.goTo(at.App)
	b.do("sign in", chromedp.Click(chromedp.CSS("#sign-in button"), chromedp.NodeVisible))
	b.shows("inside-title", "Signed in as demo")
	return b, at.App
}

// told waits until the log of requests begins, the latest first, with these: "orders 200", "refresh 401 session_revoked".
func (b *tab) told(want ...string) {
	b.Helper()
	const log = `[...document.querySelectorAll("#log .request")].map((e) => [e.children[0].textContent.replace(/^\w+ /, "").replace(/^.*\/(?=[^/])/, "").replace("/", ""), e.children[1].textContent, e.children[2].textContent].join(" ").trim()).join("|")`
	b.waitFor("the log", fmt.Sprintf(`(%s).startsWith(%q)`, log, strings.Join(want, "|")))
}

func TestDemoExpire(t *testing.T) {
	b, _ := demoPage(t)
	b.click("expire")
	b.told("orders 200", "refresh 200", "orders 401 token_not_valid", "expire 204")
	b.sees("#answer li")
	b.wantNoFaults()
}

func TestDemoRotate(t *testing.T) {
	b, _ := demoPage(t)
	b.click("orders")
	b.sees("#answer li")
	b.click("rotate")
	b.told("orders 200", "rotate 200")
	b.wantNoFaults()
}

func TestDemoLose(t *testing.T) {
	b, _ := demoPage(t)
	b.click("lose")
	// A browser may repeat a request by itself when a connection ends that it has used before; else the client does.
	b.waitFor("another answer", `/^[^|]*refresh\/ ?200/.test([...document.querySelectorAll("#log .request")][0].textContent.replaceAll("POST ", "")) && document.getElementById("log").textContent.includes("/demo/lose")`)
	b.shows("inside-title", "Signed in as demo")
	b.waitFor("no word of it", `document.getElementById("stale").hidden`)
}

func TestDemoOutage(t *testing.T) {
	b, _ := demoPage(t)
	b.click("outage")
	b.told("orders 200", "refresh 503 store_unavailable", "outage 204")
	b.sees("#stale")
	b.shows("inside-title", "Signed in as demo")
	b.waitFor("the end of it", `document.getElementById("stale").hidden`)
	b.told("refresh 200")
	b.wantNoFaults()
}

func TestDemoSteal(t *testing.T) {
	b, _ := demoPage(t)
	b.click("steal")
	b.told("refresh 401 session_revoked", "refresh 401 refresh_token_reused", "steal 200")
	b.shows("notice", "The session has ended.")
	b.sees("#sign-in")
	b.wantNoFaults()
}

func TestDemoEverywhere(t *testing.T) {
	b, _ := demoPage(t)
	b.click("orders")
	b.sees("#answer li")
	b.click("everywhere")
	b.told("orders 401 token_not_valid")
	b.sees("#sign-in")
	b.wantNoSession()
	b.wantNoFaults()
}

func TestDemoFiveTabs(t *testing.T) {
	b, app := demoPage(t)
	b.goTo(app + "tabs/")
	const frames = `[...document.querySelectorAll("iframe")].map((f) => f.contentDocument)`
	b.waitFor("five tabs", frames+`.filter((d) => d.getElementById("inside-title")?.textContent === "Signed in as demo" && !d.getElementById("inside").hidden).length === 5`)
	refreshes := b.script(`String(` + frames + `.flatMap((d) => [...d.querySelectorAll("#log .request")]).filter((e) => e.textContent.includes("/refresh/")).length)`)
	if refreshes != "1" && refreshes != "2" && refreshes != "3" {
		t.Errorf("five tabs made %s refreshes", refreshes)
	}
	// The third may be busy with its arrival, and does one thing at a time.
	b.waitFor("all of them are out", `(((d) => d.getElementById("inside").hidden || d.getElementById("log-off").click())(`+frames+`[2]), true) && `+frames+`.every((d) => !d.getElementById("outside").hidden)`)
	b.waitFor("the answer", frames+`[2].querySelector("#log .request")?.textContent.includes("logoff/200")`) // the page is cleared first
	b.wantNoSession()
	b.wantNoFaults()
}

func TestDemoLooks(t *testing.T) {
	at := runDemo(t)
	b := watched(t)
	b.goTo(at.App)
	b.sees("#sign-in")
	b.look("demo-outside")
	b.do("sign in", chromedp.Click(chromedp.CSS("#sign-in button"), chromedp.NodeVisible))
	b.shows("inside-title", "Signed in as demo")
	b.click("expire")
	b.sees("#answer li")
	b.look("demo-inside")
	b.goTo(at.App + "tabs/")
	b.waitFor("five tabs", `[...document.querySelectorAll("iframe")].every((f) => f.contentDocument?.getElementById("inside")?.hidden === false)`)
	b.look("demo-tabs")
	b.wantNoFaults()
}
