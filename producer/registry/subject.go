package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"

	"purchases/producer/purchase"
)

const latest = -1 // the version's number in requests

// cannotCompare are the answers of a registry that does not understand a schema.
var cannotCompare = []int{http.StatusUnprocessableEntity, http.StatusInternalServerError}

// Ours is the schema of purchases in the format.
func Ours(format sr.SchemaType) sr.Schema {
	texts := map[sr.SchemaType]string{
		sr.TypeAvro: purchase.AvroSchema, sr.TypeProtobuf: purchase.ProtobufSchema, sr.TypeJSON: purchase.JSONSchema,
	}
	return sr.Schema{Schema: texts[format], Type: format}
}

// Subject is the subject of a topic's values, as serializers name it.
func Subject(topic string) string { return topic + "-value" }

// Lookup returns the id under which the subject has the schema. It returns
// [ErrNotFound] if the subject lacks it.
func (c *Client) Lookup(ctx context.Context, subject string, schema sr.Schema) (int32, error) {
	found, err := c.sr.LookupSchema(ctx, subject, schema)
	if err != nil {
		return 0, fmt.Errorf("look up our schema in subject %.100q: %w", subject, explain(err))
	}
	return int32(found.ID), nil
}

// Register registers the schema, if the subject lacks it, and returns its id.
func (c *Client) Register(ctx context.Context, subject string, schema sr.Schema) (int32, error) {
	found, err := c.sr.CreateSchema(ctx, subject, schema)
	if err != nil {
		return 0, fmt.Errorf("register our schema in subject %.100q: %w", subject, explain(err))
	}
	return int32(found.ID), nil
}

// Standing is what a registry says about a subject.
type Standing struct {
	// Version and Type are those of the latest schema. Version is 0 if there is none.
	Version int
	Type    sr.SchemaType
	// Compatibility is the level that new versions keep to.
	Compatibility sr.CompatibilityLevel
	// Refused says why our schema of that type cannot be the next version, or that the
	// registry cannot tell; nil if it can.
	Refused error
}

// Stand asks for the subject's latest schema and compatibility, and whether our
// schema of the same type can follow.
func (c *Client) Stand(ctx context.Context, subject string) (Standing, error) {
	found, err := c.sr.SchemaByVersion(ctx, subject, latest)
	if err = explainSubject(subject, err); errors.Is(err, ErrNotFound) {
		return Standing{}, nil
	}
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Version: found.Version, Type: found.Type}
	level := c.sr.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
	if level.Err != nil {
		return s, explainSubject(subject, level.Err)
	}
	s.Compatibility = level.Level
	s.Refused, err = c.refused(ctx, subject, s)
	return s, err
}

// refused says why our schema cannot follow. A registry that has answered so far and
// cannot compare with a schema of others, as Apicurio some of Protobuf and JSON Schema,
// is not away.
func (c *Client) refused(ctx context.Context, subject string, s Standing) (refused, err error) {
	checked, err := c.sr.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, latest, Ours(s.Type))
	var answer *sr.ResponseError
	switch {
	case errors.As(err, &answer) && slices.Contains(cannotCompare, answer.StatusCode):
		return fmt.Errorf("subject %s: whether our schema can follow version %d is not known: %w",
			subject, s.Version, explain(err)), nil
	case err != nil:
		return nil, explainSubject(subject, err)
	case !checked.Is:
		return fmt.Errorf("subject %s: our schema cannot follow version %d under compatibility %v: %.300q",
			subject, s.Version, s.Compatibility, checked.Messages), nil
	}
	return nil, nil
}

func explainSubject(subject string, err error) error {
	if err != nil {
		err = fmt.Errorf("ask the schema registry for subject %.100q: %w", subject, explain(err))
	}
	return err
}
