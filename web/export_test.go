package web

import "embed"

//go:embed *.go
var goFiles embed.FS
