//go:build race

package sandbox

// memoryLimit leaves the race detector its shadow of the memory. SQLite's own
// limit holds.
const memoryLimit = 1 << 46
