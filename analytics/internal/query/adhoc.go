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

// CheckStatement makes sure that the text is one SELECT (or WITH, VALUES or
// EXPLAIN) without parameters. It reads the text only as far as that, and is
// no protection of a connection that can write.
func CheckStatement(text string) error {
	if strings.ContainsRune(text, 0) {
		return errors.New("the statement holds a NUL character")
	}
	words, ended := 0, false
	for _, token := range sqlToken.FindAllString(text, -1) {
		switch {
		case blank(token):
			continue
		case ended:
			return errors.New("only one statement is allowed; something follows its semicolon")
		case words == 0 && !reads(token):
			return fmt.Errorf("a statement begins with SELECT, WITH, VALUES or EXPLAIN, not with %.20q", token)
		case token == ";":
			ended = true
		case strings.ContainsAny(token[:1], ":@$?"):
			return fmt.Errorf("parameter %.20q: a statement has no parameters here, write the value", token)
		}
		words++
	}
	if words == 0 {
		return errors.New("there is no statement")
	}
	return nil
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

// Select runs a statement that [CheckStatement] accepts. The columns of its
// rows are of type [Any]; one whose name is there already gets a number.
func Select(ctx context.Context, db sqlx.QueryerContext, statement string) (*Rows, error) {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("run the statement: %w", err)
	}
	names, err := rows.Columns()
	if err != nil {
		_ = rows.Close()
		return nil, fmt.Errorf("run the statement: %w", err)
	}
	return &Rows{distinct(names), rows}, nil
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
