//go:build !race

package sandbox

// memoryLimit is of a process's private memory, in bytes: the kernel's limit,
// for what SQLite's own does not count. At rest it has 115 MiB, most of it the
// stacks of threads that are never touched; with SQLite's 128 MiB, 240 MiB.
const memoryLimit = 320 << 20
