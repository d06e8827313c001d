package idptest

import "time"

// SetClockOffset puts the provider's clock wrong by that much, ahead when positive, until it is set again or Clear is
// called without a name. Every time that the provider writes or compares follows.
func (p *Provider) SetClockOffset(offset time.Duration) { p.skew.Store(int64(offset)) }

// now is the provider's clock.
func (p *Provider) now() time.Time { return p.cfg.Now().Add(time.Duration(p.skew.Load())) }
