// Package settings reads what the operator has set: one YAML file, then the environment, then the
// flags, each over the one before it.
//
// One table (table.go, and idps.go for the identity providers) names every setting with its
// default, its type and its limits. All that is wrong is reported at once, each fault with the
// line, the variable or the flag that it stands in; Faults.Long adds excerpts of the file, in which
// everything is masked but what is meant. No fault holds the value of a secret. The same table
// makes Template, a file that explains itself, Schema, which editors read, and Settings.Values, the
// list of what counts.
//
// Start with [Load], which gives [Settings]. The package opens nothing but the files that hold
// settings; making a server of them is the work of package main.
package settings
