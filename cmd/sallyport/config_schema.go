package main

import "github.com/sallyport-auth/sallyport/cmd/sallyport/settings"

type configSchema struct{}

func (configSchema) examples() []string {
	return []string{"sallyport config schema", "sallyport config schema > sallyport.schema.json"}
}

// Run prints the schema, which is the same for every installation.
func (configSchema) Run(w world) error {
	_, err := w.stdout.Write(settings.Schema())
	return err
}
