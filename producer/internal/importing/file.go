package importing

import (
	"fmt"

	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
)

// maxHeld is how many bytes of JSON from a pipe are looked at for the members
// that the mapping names, before the rows are sent all the same.
const maxHeld = 4 << 20

// file is a source that is open and fits the mapping.
type file struct {
	source  Source
	reader  *rows.Reader
	plan    *mapping.Plan
	filler  *mapping.Filler
	held    []rows.Row // were read to know the members, and are to be sent
	missing []string   // members that the mapping names and no row has had yet
	err     error      // after held
	close   func()
}

func (f *file) wouldBlock() bool { return len(f.held) == 0 && f.err == nil && f.reader.WouldBlock() }

// next is the next row, with its empty cells filled.
func (f *file) next(row *rows.Row) error {
	switch {
	case len(f.held) > 0:
		*row, f.held = f.held[0], f.held[1:]
	case f.err != nil:
		return f.err
	default:
		if err := f.reader.Next(row); err != nil {
			return err
		}
	}
	if f.filler != nil {
		f.filler.Fill(row)
	}
	return nil
}

func (i *Import) open(s Source) (*file, error) {
	text, err := s.Open()
	if err != nil {
		return nil, err
	}
	closeText := func() { _ = text.Close() }
	reader, err := i.Rows.Open(s.Name, text)
	if err != nil {
		closeText()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	f := &file{source: s, reader: reader, close: func() { reader.Close(); closeText() }}
	if err := i.plan(f); err != nil {
		f.close()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return f, nil
}

// plan fits the mapping to the file. JSON has no header: its members are known
// when the rows have been read that show all that the mapping names.
func (i *Import) plan(f *file) (err error) {
	shape := mapping.Shape{Header: f.reader.Header()}
	if shape.Header == nil {
		shape.Members = i.Mapping.NewMembers()
		if err := i.learnMembers(f, shape); err != nil {
			return err
		}
	}
	if f.plan, err = i.Mapping.Plan(shape); err != nil {
		if hint := f.reader.Hint(); hint != "" {
			return fmt.Errorf("%w; %s", err, hint)
		}
		return err
	}
	f.filler = f.plan.NewFiller()
	return nil
}

// learnMembers reads rows until they have shown all members, or the file ends.
func (i *Import) learnMembers(f *file, shape mapping.Shape) error {
	size := 0
	for first := true; first || len(f.missing) > 0; first = false {
		var row rows.Row
		if f.err = f.reader.Next(&row); f.err != nil {
			if !shape.Members.Any() {
				shape.Members.Expect()
			}
			return nil
		}
		f.held = append(f.held, row)
		if row.Malformed == nil && shape.Members.Add(row.Cells[0]) || first {
			f.missing = i.Mapping.Missing(shape)
		}
		if size += len(row.Cells[0]); size > maxHeld && len(f.missing) > 0 {
			return i.learnTheRest(f, shape)
		}
	}
	return nil
}

// learnTheRest reads a file that can be read again to its end. Of a pipe the
// names are taken for members that a later row will have.
func (i *Import) learnTheRest(f *file, shape mapping.Shape) error {
	if f.source.Stream {
		shape.Members.Expect()
		return nil
	}
	text, err := f.source.Open()
	if err != nil {
		return err
	}
	defer func() { _ = text.Close() }()
	reader, err := i.Rows.Open(f.source.Name, text)
	if err != nil {
		return err
	}
	defer reader.Close()
	for len(f.missing) > 0 {
		var row rows.Row
		if err := reader.Next(&row); err != nil {
			return nil // the end, or an error that the import will meet
		}
		if row.Malformed == nil && shape.Members.Add(row.Cells[0]) {
			f.missing = i.Mapping.Missing(shape)
		}
	}
	return nil
}
