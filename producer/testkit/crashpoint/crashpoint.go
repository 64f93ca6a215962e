// Package crashpoint names the moments at which a test may kill a program, to
// show that its next start makes good what the death left behind.
//
// It is inert unless a program is built with -tags crashpoints: At is then an
// empty function that the compiler removes, and the environment has no effect.
// It makes nothing else fail; errors of Kafka and SQLite are injected elsewhere.
package crashpoint

// Variable is the environment variable that chooses the point: its name, and
// after a colon at which of its hits the process dies. "store.commit.before:3"
// is the third; the name alone is the first.
const Variable = "CRASH_AT"
