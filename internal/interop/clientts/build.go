package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// clientDir is the package @sallyport/client, as seen from this folder.
const clientDir = "../../../clients/ts"

// entries are the modules that an app can import.
var entries = []string{"index", "pkce", "react", "testing"}

// bundles builds every file of dist/ that runs: the modules readable, as the app's own bundler makes them small, and the
// script for a page without a bundler as small as it gets.
func bundles() (map[string][]byte, error) {
	built := map[string][]byte{}
	for _, entry := range entries {
		code, err := bundle(api.BuildOptions{EntryPoints: []string{entry + ".ts"}, Format: api.FormatESModule, Plugins: []api.Plugin{coreApart}})
		if err != nil {
			return nil, err
		}
		built[entry+".js"] = code
	}
	script, err := bundle(api.BuildOptions{
		EntryPoints: []string{"index.ts"}, Format: api.FormatIIFE, GlobalName: "Sallyport",
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
	})
	if err != nil {
		return nil, err
	}
	built["sallyport.global.js"] = script
	return built, nil
}

// coreApart leaves the core out of the other entries: an app that imports two of them has one AuthError.
var coreApart = api.Plugin{Name: "core apart", Setup: func(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: `^\./index\.js$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
		return api.OnResolveResult{Path: "./index.js", External: true}, nil
	})
}}

// bundle builds one file in memory.
func bundle(options api.BuildOptions) ([]byte, error) {
	src, err := filepath.Abs(filepath.Join(clientDir, "src"))
	if err != nil {
		return nil, err
	}
	options.AbsWorkingDir = src
	options.Bundle = true
	options.Target = api.ES2022
	options.Platform = api.PlatformBrowser
	options.Charset = api.CharsetUTF8
	options.LegalComments = api.LegalCommentsNone
	options.External = []string{"react"} // the app's own
	result := api.Build(options)
	var faults []error
	for _, message := range append(result.Errors, result.Warnings...) {
		faults = append(faults, errors.New(message.Text))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if len(result.OutputFiles) != 1 {
		return nil, fmt.Errorf("esbuild wrote %d files, want one", len(result.OutputFiles))
	}
	return result.OutputFiles[0].Contents, nil
}

// budget is what an app that imports these entries may be made to load.
type budget struct {
	name  string
	code  string // imports them
	bytes int    // minified, after gzip -9
}

var budgets = []budget{
	{"core", `export * from "./index.js"`, 3072},
	{"core and pkce", `export * from "./index.js"; export * from "./pkce.js"`, 4096},
	{"react", `export * from "./react.js"`, 512},
}

// The pages of the product have the core as a module of their own.
const (
	pagesFile = "../../../web/ui/client.js"
	pagesCode = `export * from "./index.js"`
)

// minified is an app that consists of code alone.
func minified(code string) ([]byte, error) {
	return bundle(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: code, ResolveDir: filepath.Join(clientDir, "src"), Loader: api.LoaderTS},
		Format: api.FormatESModule, MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
	})
}

// weigh measures it.
func weigh(code string) (int, error) {
	built, err := minified(code)
	if err != nil {
		return 0, err
	}
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	_, err = writer.Write(built)
	if err := errors.Join(err, writer.Close()); err != nil {
		return 0, err
	}
	return packed.Len(), nil
}
