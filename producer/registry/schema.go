package registry

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// Schema is a schema with all that it refers to.
type Schema struct {
	ID   ID
	Type sr.SchemaType
	Text string
	// References are the schemas that Text needs, each before those that need it.
	References []Reference
}

// Reference is a schema under the name by which others refer to it.
type Reference struct{ Name, Text string }

type subjectVersion struct {
	subject string
	version int
}

// resolver collects references within the limits.
type resolver struct {
	*Client
	schema *Schema
	size   int
	seen   map[subjectVersion]bool
}

func (c *Client) resolve(ctx context.Context, s *Schema, found sr.Schema) error {
	r := resolver{c, s, 0, map[subjectVersion]bool{}}
	return r.references(ctx, found)
}

// references adds what the schema refers to. Each schema is added once.
func (r *resolver) references(ctx context.Context, found sr.Schema) error {
	r.size += len(found.Schema)
	switch {
	case r.size > maxSchema:
		return fmt.Errorf("%w: more than %d bytes", ErrHostile, maxSchema)
	case nesting(found.Schema) > maxDepth:
		return fmt.Errorf("%w: nested more than %d deep", ErrHostile, maxDepth)
	}
	for _, reference := range found.References {
		at := subjectVersion{reference.Subject, reference.Version}
		if r.seen[at] {
			continue
		}
		if r.seen[at] = true; len(r.seen) > maxReferences {
			return fmt.Errorf("%w: more than %d references", ErrHostile, maxReferences)
		}
		needed, err := r.sr.SchemaByVersion(ctx, at.subject, at.version)
		if err != nil {
			return fmt.Errorf("reference %.80q, subject %.80q version %d: %w",
				reference.Name, at.subject, at.version, explain(err))
		}
		if err := r.references(ctx, needed.Schema); err != nil {
			return err
		}
		r.schema.References = append(r.schema.References, Reference{reference.Name, needed.Schema.Schema})
	}
	return nil
}

// nesting is how deep brackets are in each other. It may count some inside texts
// and comments, which a schema of sane depth can afford.
func nesting(text string) (deepest int) {
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case strings.IndexByte("{[(<", c) >= 0:
			depth++
			deepest = max(deepest, depth)
		case strings.IndexByte("}])>", c) >= 0:
			depth = max(0, depth-1)
		}
	}
	return deepest
}
