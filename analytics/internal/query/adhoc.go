package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/jmoiron/sqlx"
)

// ErrTooManyRows is the last error of rows that [Limit] cut off.
var ErrTooManyRows = errors.New("too many rows")

// CheckStatement finds a text that cannot be a SELECT before it reaches a
// database: one that is empty, holds a NUL, or begins with another word than
// SELECT, WITH, VALUES or EXPLAIN. It is no protection: see package readonly.
func CheckStatement(text string) error {
	if strings.ContainsRune(text, 0) {
		return errors.New("the statement holds a NUL character")
	}
	for _, token := range sqlToken.FindAllString(text, -1) {
		switch {
		case blank(token) || token == ";":
			continue
		case !reads(token):
			return fmt.Errorf("a statement begins with SELECT, WITH, VALUES or EXPLAIN, not with %.20q", token)
		}
		return nil
	}
	return errors.New("there is no statement")
}

func blank(token string) bool {
	return strings.TrimSpace(token) == "" || strings.HasPrefix(token, "--") || strings.HasPrefix(token, "/*")
}

func reads(word string) bool {
	switch strings.ToUpper(word) {
	case "SELECT", "WITH", "VALUES", "EXPLAIN":
		return true
	}
	return false
}

// Select runs a statement on db.
func Select(ctx context.Context, db sqlx.QueryerContext, statement string) (*Rows, error) {
	source, err := Start(ctx, db, statement, nil)
	if err != nil {
		return nil, fmt.Errorf("run the statement: %w", err)
	}
	return ReadAny(source)
}

// ReadAny gives each column of a source that no header declares the type [Any];
// one whose name is there already gets a number. It closes a source that has
// no columns.
func ReadAny(source Source) (*Rows, error) {
	names, err := source.Columns()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("run the statement: %w", err), source.Close())
	}
	return &Rows{distinct(names), source}, nil
}

func distinct(names []string) []Column {
	taken := map[string]bool{}
	columns := make([]Column, len(names))
	for i, name := range names {
		unique := name
		for n := 2; taken[unique]; n++ {
			unique = fmt.Sprintf("%s_%d", name, n)
		}
		taken[unique] = true
		columns[i] = Column{Name: unique, Type: Any}
	}
	return columns
}

// Limit passes up to n rows on. Where there is another, its last error is an
// [ErrTooManyRows].
func Limit(rows iter.Seq2[Row, error], n int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		left := n
		for row, err := range rows {
			if err == nil && left == 0 {
				yield(nil, fmt.Errorf("%w: the limit is %d; add a LIMIT or a WHERE", ErrTooManyRows, n))
				return
			}
			left--
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}
