//go:build no_web

package authhttp

import (
	"net/url"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// hasPages: a program that has pages of its own leaves ours out of its binary with the build tag no_web.
const hasPages = false

type pages struct{}

func newUI(*sallyport.Service, *url.URL) (*pages, error) { return nil, nil }

func (h *Handler) pageRoutes(time.Duration) map[string]route { return nil }
