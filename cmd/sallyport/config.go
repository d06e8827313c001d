package main

import (
	"errors"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type configCommand struct {
	Check  configCheck  `cmd:"" help:"Say whether all settings are right, without the database and the network."`
	Print  configPrint  `cmd:"" help:"Print every setting, its value and where it comes from."`
	Init   configInit   `cmd:"" help:"Write a file of settings that explains them."`
	Schema configSchema `cmd:"" help:"Print the JSON Schema of the file, for editors."`
}

func (configCommand) examples() []string {
	return []string{"sallyport config check", "sallyport config print --json"}
}

// settingFlags are the flags of the commands that read all settings: every flag that sets something.
type settingFlags struct {
	sourceFlags
	Listen      *string `placeholder:"HOST:PORT" help:"Setting listen: ${help_listen}."`
	AdminListen *string `placeholder:"HOST:PORT" help:"Setting admin_listen: ${help_admin_listen}."`
	Issuer      *string `placeholder:"URL" help:"Setting issuer: ${help_issuer}."`
	Path        *string `placeholder:"PATH" help:"Setting path: ${help_path}."`
	LogLevel    *string `placeholder:"LEVEL" help:"Setting log.level: ${help_log_level}."`
	LogFormat   *string `placeholder:"FORMAT" help:"Setting log.format: ${help_log_format}."`
}

func (f settingFlags) load(w world) (*settings.Settings, error) {
	return f.sourceFlags.load(w, map[string]*string{
		"listen": f.Listen, "admin-listen": f.AdminListen, "issuer": f.Issuer, "path": f.Path, "log-level": f.LogLevel, "log-format": f.LogFormat,
	})
}

// errTold: the command has failed, and its result says why.
var errTold = errors.New("told already")
