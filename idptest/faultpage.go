package idptest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// faultPath is where the page of faults is.
const faultPath = "/faults"

// serveFaultPage shows what is wrong and what may be, and takes the forms of the page.
func (p *Provider) serveFaultPage(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		p.writePage(w, http.StatusOK, "faults", map[string]any{"On": p.faultsThatAreOn(), "Groups": p.offeredFaults()})
		return
	}
	if !p.fromItself(r) {
		p.writePage(w, http.StatusForbidden, "refused", map[string]any{
			"Reason": "Faults are set from the page of faults alone. Open it at " + p.base + faultPath + "."})
		return
	}
	if !p.takeFault(r.PostForm.Get("fault"), r.PostForm.Get("times")) {
		p.writePage(w, http.StatusBadRequest, "refused", map[string]any{"Reason": "There is no such fault."})
		return
	}
	w.Header().Set("Location", faultPath)
	w.WriteHeader(http.StatusSeeOther)
}

// fromItself keeps other sites from posting: a browser says where a form is from, by Sec-Fetch-Site and by Origin. A
// program says neither. Origin is compared with the name in the issuer, not with Host, which follows a rebound name.
func (p *Provider) fromItself(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	return (site == "" || site == "same-origin") && (origin == "" || origin == p.base)
}

// takeFault does what the form says: "clear", or a fault for the next answer or until it is cleared.
func (p *Provider) takeFault(id, times string) bool {
	if id == "clear" {
		p.Clear()
		return true
	}
	n := map[string]int{"1": 1, "on": UntilCleared}[times]
	for _, group := range p.offeredFaults() {
		i := slices.IndexFunc(group.Faults, func(f pageFault) bool { return group.ID+"/"+f.ID == id })
		if i >= 0 && n != 0 {
			group.Faults[i].set(p, n, group.Faults[i].Title)
			return true
		}
	}
	return false
}

// faultOn is a fault that waits for an answer.
type faultOn struct{ Where, Title, Left string }

// faultsThatAreOn includes those that the program has set, which have no name.
func (p *Provider) faultsThatAreOn() []faultOn {
	p.mu.Lock()
	defer p.mu.Unlock()
	var on []faultOn
	add := func(where, name string, left countdown) {
		if left != 0 {
			on = append(on, faultOn{where, or(name, "set by the program"), left.String()})
		}
	}
	for _, e := range []Endpoint{Discovery, JWKS, Authorize, Token, Userinfo, Emails, EndSession} {
		if active := p.faults[e]; active != nil {
			add(string(e), active.name, active.left)
		}
	}
	add("tokens", p.bends.name, p.bends.left)
	add("callback", p.callback.name, p.callback.left)
	if skew := time.Duration(p.skew.Load()); skew != 0 {
		title := skew.String() + " ahead"
		if skew < 0 {
			title = (-skew).String() + " behind"
		}
		on = append(on, faultOn{"clock", title, countdown(UntilCleared).String()})
	}
	return on
}

func (c countdown) String() string {
	switch {
	case c < 0:
		return "until cleared"
	case c == 1:
		return "for the next answer"
	}
	return fmt.Sprintf("for the next %d answers", int(c))
}
