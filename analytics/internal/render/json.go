package render

import (
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"purchases/analytics/internal/query"
)

type jsonWriter struct {
	out     *jsontext.Encoder
	columns []query.Column
	answer  Answer
}

func newJSON(w io.Writer, a Answer) *jsonWriter {
	return &jsonWriter{newEncoder(w), a.Columns, a}
}

// newEncoder replaces what is not UTF-8: a query's author can select bytes.
func newEncoder(w io.Writer) *jsontext.Encoder {
	return jsontext.NewEncoder(w, jsontext.AllowInvalidUTF8(true))
}

func (j *jsonWriter) begin() error {
	tokens := []jsontext.Token{
		jsontext.BeginObject,
		jsontext.String("query"), jsontext.String(j.answer.Query),
		jsontext.String("parameters"), jsontext.BeginObject,
	}
	for _, arg := range j.answer.Args {
		tokens = append(tokens, jsontext.String(arg.Name), token(arg.Value))
	}
	tokens = append(tokens, jsontext.EndObject, jsontext.String("columns"), jsontext.BeginArray)
	for _, c := range j.columns {
		tokens = append(tokens, jsontext.BeginObject,
			jsontext.String("name"), jsontext.String(c.Name),
			jsontext.String("type"), jsontext.String(string(c.Type)), jsontext.EndObject)
	}
	tokens = append(tokens, jsontext.EndArray, jsontext.String("rows"), jsontext.BeginArray)
	return write(j.out, tokens...)
}

func (j *jsonWriter) row(row query.Row) error { return writeObject(j.out, j.columns, row) }

func (j *jsonWriter) end() error { return write(j.out, jsontext.EndArray, jsontext.EndObject) }

type ndjsonWriter struct {
	out     *jsontext.Encoder
	columns []query.Column
}

func newNDJSON(w io.Writer, a Answer) *ndjsonWriter {
	return &ndjsonWriter{newEncoder(w), a.Columns}
}

func (n *ndjsonWriter) begin() error            { return nil }
func (n *ndjsonWriter) row(row query.Row) error { return writeObject(n.out, n.columns, row) }
func (n *ndjsonWriter) end() error              { return nil }

func writeObject(out *jsontext.Encoder, columns []query.Column, row query.Row) error {
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for i, c := range columns {
		if err := out.WriteToken(jsontext.String(c.Name)); err != nil {
			return err
		}
		if err := writeValue(out, row[i]); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}

// writeValue keeps the two decimals of a percentage, which a token would lose.
func writeValue(out *jsontext.Encoder, value any) error {
	if p, ok := value.(query.Percentage); ok {
		return out.WriteValue(jsontext.Value(p.String()))
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
