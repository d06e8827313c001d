package main

import (
	"fmt"
	"runtime/debug"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (versionCommand) examples() []string {
	return []string{"sallyport version", "sallyport version --json"}
}

// Run prints what this binary was built from.
func (c versionCommand) Run(w world) error {
	v := buildVersion()
	if c.JSON {
		return writeJSON(w.stdout, v)
	}
	_, err := fmt.Fprintf(w.stdout, "sallyport %s, commit %s, %s\n", v.Version, v.Commit, v.Go)
	return err
}

// build is what a binary was built from.
type build struct {
	Version string `json:"version"` // of the module; "devel" for one that is not a release
	Commit  string `json:"commit"`  // "unknown" for a build outside of a work tree; ends with "+changes" for a changed one
	Go      string `json:"go"`
}

func buildVersion() build {
	b := build{Version: "devel", Commit: "unknown", Go: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if version := info.Main.Version; version != "" && version != "(devel)" {
		b.Version = version
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed {
		b.Commit += "+changes"
	}
	return b
}
