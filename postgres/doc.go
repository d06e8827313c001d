// Package postgres keeps users, sessions and keys in a PostgreSQL database, version 15 or later, which any number of
// servers may share. Start with [Migrate], which makes the tables, and [Open], which does not; what a
// store does is said by sallyport.Store.
//
// Everything lies in the connection's schema, the first that exists of its search_path, and needs a role that owns
// that schema and nothing else.
//
// # Two pools
//
// What is written in a transaction, a sign-in or an ending, is on the server's disk before it is answered: the
// connections of the durable pool have synchronous_commit as the server has it, or on where the server has it
// off. What is one statement, a session check or the advance of a refresh token, goes through the fast pool, whose
// connections do not wait for the disk: a crash may forget an advance, and the refresh machine catches up
// with that. A flood of sign-ins fills the durable pool alone, so that nobody is signed out by one.
//
// # Time
//
// A step has 1.5 seconds with its waiting, and is answered within 1.8. It does not run on its caller's
// context: a caller who leaves gets an answer at once, and costs neither the step nor its connection.
//
// # Connection poolers
//
// Statements are prepared once per connection, by the extended protocol. PgBouncer in transaction mode allows that
// from version 1.21 on, with max_prepared_statements above 0; older ones need session mode.
package postgres
