// Package storehook puts a function around every call of a sallyport.Store: to measure it, to send it to
// another store, to make it fail. Start with [Store].
package storehook
