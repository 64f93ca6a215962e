package deserialize

import (
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"purchases/producer/registry"
)

const (
	mainFile       = "schema.proto" // of the schema itself, which has no name
	compileTimeout = 10 * time.Second
)

// wellKnown are files that serializers take for granted and do not register.
//
//go:embed wellknown
var wellKnown embed.FS

// newProtobuf compiles the schema and finds the message of each payload by its
// indexes.
func newProtobuf(s *registry.Schema) (decoder, error) {
	file, err := compile(s)
	if err != nil {
		return nil, err
	}
	plans := map[protoreflect.FullName]*plan{}
	addPlans(plans, file.Messages())
	return func(b []byte, f registry.Frame) ([]byte, error) {
		message, payload, err := messageOf(file, f)
		if err != nil {
			return nil, err
		}
		return plans[message.FullName()].decode(b, payload)
	}, nil
}

// addPlans compiles a plan for each message that a payload may be.
func addPlans(plans map[protoreflect.FullName]*plan, messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		plans[messages.Get(i).FullName()] = newPlan(messages.Get(i))
		addPlans(plans, messages.Get(i).Messages())
	}
}

func messageOf(file protoreflect.FileDescriptor, f registry.Frame) (protoreflect.MessageDescriptor, []byte, error) {
	indexes, payload := []int{0}, f.Payload
	var err error
	switch {
	case f.Indexes != nil:
		indexes, _, err = messageIndexes(f.Indexes)
	case !f.InHeader:
		indexes, payload, err = messageIndexes(f.Payload)
	}
	if err != nil {
		return nil, nil, err
	}
	message, err := messageAt(file, indexes)
	return message, payload, err
}

// compile links the schema with its references. A compiler that panics has met a
// schema that nobody can use.
func compile(s *registry.Schema) (file protoreflect.FileDescriptor, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("compile it: %v", p)
		}
	}()
	files := map[string]string{mainFile: s.Text}
	for _, reference := range s.References {
		files[reference.Name] = reference.Text
	}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(sources(files)), MaxParallelism: 1}
	ctx, stop := context.WithTimeout(context.Background(), compileTimeout)
	defer stop()
	linked, err := compiler.Compile(ctx, mainFile)
	if err != nil {
		return nil, err
	}
	return linked[0], nil
}

// sources finds files among the schema and its references, as text or as the
// base64 of a descriptor.
func sources(files map[string]string) protocompile.ResolverFunc {
	return func(path string) (found protocompile.SearchResult, err error) {
		text, known := files[path]
		if !known {
			content, err := fs.ReadFile(wellKnown, "wellknown/"+path)
			if err != nil {
				return found, errors.New("the schema refers to no such file")
			}
			text = string(content)
		}
		if binary, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && len(binary) > 0 {
			found.Proto = new(descriptorpb.FileDescriptorProto)
			err := proto.Unmarshal(binary, found.Proto)
			found.Proto.Name = &path
			nameForJSON(found.Proto.GetMessageType())
			return found, err
		}
		found.Source = strings.NewReader(text)
		return found, nil
	}
}

// unmarshal ignores fields that the schema does not have.
func unmarshal(payload []byte, message protoreflect.MessageDescriptor) (*dynamicpb.Message, error) {
	m := dynamicpb.NewMessage(message)
	return m, proto.UnmarshalOptions{DiscardUnknown: true, AllowPartial: true,
		RecursionLimit: maxMessageDepth}.Unmarshal(payload, m)
}

// nameForJSON gives each field its own JSON name, which generated code leaves out
// of descriptors. The compiler takes the empty ones for one name given twice.
func nameForJSON(messages []*descriptorpb.DescriptorProto) {
	for _, message := range messages {
		for _, field := range message.GetField() {
			if field.GetJsonName() == "" {
				field.JsonName = proto.String(field.GetName())
			}
		}
		nameForJSON(message.GetNestedType())
	}
}
