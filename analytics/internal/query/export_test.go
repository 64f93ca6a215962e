package query

import "math"

// Bound is what the arguments are bound as in a database whose reporting zone is UTC.
func Bound(args Args) []any { return args.named(clock{{Since: math.MinInt64}}) }
