// Package storetest holds what every sallyport.Store must do, as tests: a case for each sentence of
// the contract, named after it, and a model of the refresh machine that random histories are held
// against. A store is right when [Run] passes.
//
// Run tries 60 histories, others each time. STORETEST_HISTORIES sets another number, STORETEST_SEED the seed of the
// first one; a failure prints both the seed and the shortest history that still shows it.
package storetest
