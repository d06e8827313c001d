// Package proof holds the tests that run the real binary and break things around it: kills, databases that stop,
// disks that fill up, instances that are replaced; and those that let every call of the database fail in turn. It has no
// code of its own.
//
// They are short by default. With -long they run for as long as their promises want; -seed repeats a run.
package proof
