package ingest

// RunWithBudget is [Run] with a queue of so many bytes.
var RunWithBudget = run
