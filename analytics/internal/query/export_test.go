package query

import (
	"database/sql"
	"math"
)

// Bound is what the arguments are bound as in a database whose reporting zone is UTC.
func Bound(args Args) (named []any) {
	for _, arg := range args.bound(clock{{Since: math.MinInt64}}) {
		named = append(named, sql.Named(arg.Name, arg.Value))
	}
	return named
}
