package render

import (
	"io"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

type jsonWriter struct {
	out     *jsontext.Encoder
	columns []query.Column
	answer  Answer
	rows    int64
	options Options
}

func newJSON(w io.Writer, a Answer, o Options) *jsonWriter {
	return &jsonWriter{out: newEncoder(w), columns: a.Columns, answer: a, options: o}
}

// newEncoder replaces what is not UTF-8: a query's author can select bytes.
func newEncoder(w io.Writer) *jsontext.Encoder {
	return jsontext.NewEncoder(w, jsontext.AllowInvalidUTF8(true))
}

func (j *jsonWriter) begin() error {
	tokens := []jsontext.Token{jsontext.BeginObject}
	if j.answer.Query != "" {
		tokens = append(tokens, jsontext.String("query"), jsontext.String(j.answer.Query), jsontext.String("parameters"),
			jsontext.BeginObject)
		for _, arg := range j.answer.Args {
			tokens = append(tokens, jsontext.String(arg.Name), token(arg.Value))
		}
		tokens = append(tokens, jsontext.EndObject)
	}
	if j.answer.Freshness != nil {
		tokens = append(tokens, jsontext.String("freshness"))
		tokens = append(tokens, FreshnessTokens(j.answer.Freshness)...)
	}
	tokens = append(tokens, jsontext.String("columns"), jsontext.BeginArray)
	for _, c := range j.columns {
		tokens = append(tokens, jsontext.BeginObject,
			jsontext.String("name"), jsontext.String(c.Name),
			jsontext.String("type"), jsontext.String(string(c.Type)), jsontext.EndObject)
	}
	tokens = append(tokens, jsontext.EndArray, jsontext.String("rows"), jsontext.BeginArray)
	return write(j.out, tokens...)
}

func (j *jsonWriter) row(row query.Row) error {
	j.rows++
	return writeObject(j.out, j.columns, row, j.options)
}

// end counts the rows, so that a reader can tell that it has all of them.
func (j *jsonWriter) end() error {
	return write(j.out, jsontext.EndArray, jsontext.String("row_count"), jsontext.Int(j.rows), jsontext.EndObject)
}

// FreshnessTokens are the JSON object of what an answer reflects.
func FreshnessTokens(f *freshness.Freshness) []jsontext.Token {
	tokens := []jsontext.Token{
		jsontext.BeginObject,
		jsontext.String("as_of"), instant(f.AsOf),
		jsontext.String("last_event"), instant(f.LastEvent()),
		jsontext.String("stored_at"), instant(f.LastStored()),
		jsontext.String("lag"), lag(f.Lag),
		jsontext.String("offsets"), jsontext.BeginObject,
	}
	for i, p := range f.Positions {
		if i == 0 || p.Topic != f.Positions[i-1].Topic {
			if i > 0 {
				tokens = append(tokens, jsontext.EndObject)
			}
			tokens = append(tokens, jsontext.String(p.Topic), jsontext.BeginObject)
		}
		tokens = append(tokens, jsontext.String(strconv.Itoa(int(p.Partition.Partition))), jsontext.Int(p.NextOffset))
	}
	if len(f.Positions) > 0 {
		tokens = append(tokens, jsontext.EndObject)
	}
	return append(tokens, jsontext.EndObject, jsontext.EndObject)
}

func instant(t time.Time) jsontext.Token {
	if t.IsZero() {
		return jsontext.Null
	}
	return jsontext.String(t.Format(time.RFC3339Nano))
}

func lag(n *int64) jsontext.Token {
	if n == nil {
		return jsontext.Null
	}
	return jsontext.Int(*n)
}

type ndjsonWriter struct {
	out     *jsontext.Encoder
	columns []query.Column
	options Options
}

func newNDJSON(w io.Writer, a Answer, o Options) *ndjsonWriter {
	return &ndjsonWriter{newEncoder(w), a.Columns, o}
}

func (n *ndjsonWriter) begin() error            { return nil }
func (n *ndjsonWriter) row(row query.Row) error { return writeObject(n.out, n.columns, row, n.options) }
func (n *ndjsonWriter) end() error              { return nil }

func writeObject(out *jsontext.Encoder, columns []query.Column, row query.Row, o Options) error {
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for i, c := range columns {
		if err := out.WriteToken(jsontext.String(c.Name)); err != nil {
			return err
		}
		if err := writeValue(out, row[i], o); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}

// writeValue keeps the decimals of a percentage and of money, which a token
// would lose.
func writeValue(out *jsontext.Encoder, value any, o Options) error {
	switch v := value.(type) {
	case query.Percentage:
		return out.WriteValue(jsontext.Value(v.String()))
	case purchase.Micros:
		if o.MoneyNumbers {
			return out.WriteValue(jsontext.Value(v.String()))
		}
	}
	return out.WriteToken(token(value))
}

// token writes money as a string, which no reader can turn into a float by
// accident.
func token(value any) jsontext.Token {
	switch v := value.(type) {
	case nil:
		return jsontext.Null
	case int64:
		return jsontext.Int(v)
	case float64:
		if !math.IsInf(v, 0) { // JSON has no infinity; text says it
			return jsontext.Float(v)
		}
	}
	return jsontext.String(text(value))
}

func write(out *jsontext.Encoder, tokens ...jsontext.Token) error {
	for _, t := range tokens {
		if err := out.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}
