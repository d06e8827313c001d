// Package sqlstore holds every SQL statement of the project, once, and implements
// sallyport.Store with them. It is not a database: a package such as sqlite opens one, brings the
// schema up to date, decides which failures mean that the database cannot answer, and hands a
// [Database] to [New].
//
// The text serves SQLite and PostgreSQL alike: placeholders are $1, $2 …, columns are named, ids
// are bytes, times are integers that count UTC microseconds since 1970, groups and attributes are
// JSON as text. No statement reads a clock. A conflict with a unique key is found by
// "on conflict … do nothing" and the number of rows that were added, never by reading the message
// of a driver, and no step reads a row and then writes it without having locked it by an update.
package sqlstore
