package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type configInit struct {
	File string `arg:"" optional:"" default:"${settings_file}" help:"File to write, ${settings_file} by default; - is standard output."`
}

func (configInit) examples() []string {
	return []string{"sallyport config init", "sallyport config init /etc/sallyport.yaml"}
}

// Run writes a file that did not exist, readable by its owner alone because secrets go into it.
func (c configInit) Run(w world) error {
	if c.File == "-" {
		_, err := w.stdout.Write(settings.Template())
		return err
	}
	const what = "config init"
	file, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return failure{what, c.File + " exists", "name another file, or move this one away first"}
	}
	if err != nil {
		return failure{what, err.Error(), "name a file in a folder that can be written to"}
	}
	_, err = file.Write(settings.Template())
	if err := errors.Join(err, file.Close()); err != nil {
		return failure{what, err.Error(), "remove the file and try again"}
	}
	_, err = fmt.Fprintf(w.stdout, "%s is written; set issuer and idps in it, then run sallyport config check\n", c.File)
	return err
}
