// Package testpg gives tests a real PostgreSQL. [Database] makes an empty database on a server that the tests
// of one program share; [Start] starts a server for one test alone, to be stopped, killed and started
// again. A program that uses either has [Main] run its tests, which stops every server at the end.
//
// A test that cannot have its server fails with the line that installs one; none is skipped.
package testpg
