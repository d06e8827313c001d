// Package sqlite keeps users, sessions and keys in one SQLite file. Start with [Open]; what a
// store does is said by sallyport.Store.
//
// One goroutine writes: it puts all steps that wait into one transaction, so that they share one
// fsync (group commit). Readers run beside it and are never blocked. An answer means that the step
// is on the disk. The file must lie on a local disk: a network file system cannot carry SQLite's
// write-ahead log. Several processes may open one file, for the commands of the binary; it is not
// a way to run several servers.
package sqlite
