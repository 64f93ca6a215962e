package interop

import (
	"testing"
)

// formats are what schemas of the values are called by the programs and by a registry.
var formats = map[string]string{"avro": "AVRO", "protobuf": "PROTOBUF", "json-schema": "JSON"}

// part is a shop with a folder and topics of its own, which do not exist yet.
func (s *shop) part(name string) *shop {
	part := *s
	part.suffix, part.dir = s.suffix+"-"+name, s.t.TempDir()
	part.configure(s.registry.url)
	return &part
}

func (s *shop) subject() string { return s.purchases() + "-value" }

// checks wants both programs to be content, and to say the texts.
func (s *shop) checks(texts ...string) {
	s.t.Helper()
	for _, program := range []string{"producer", "processor"} {
		s.holds(s.must(program, "check"), append(texts, "\nOK\n")...)
	}
}

// Topics are created with our schema, which check finds, which events are written
// with, and which may follow itself.
func TestOurSchemas(t *testing.T) {
	onEach(t, func(s *shop) {
		for format, kind := range formats {
			p := s.part(format)
			p.createTopics()
			p.checks(" " + p.subject() + " is not registered\n")
			p.fails([]string{"look up our schema", p.subject(), "register it with --register-schema"},
				"producer", "generate", "--count", "20", "--seed", "1", "--value-format", format)
			p.must("producer", "topics", "create", "--value-format", format, p.purchases())
			p.checks(" " + p.subject() + " version 1, " + kind + ", compatibility NONE\n")
			s.registry.keepTo(s.t, p.subject(), "BACKWARD")
			p.checks(" " + p.subject() + " version 1, " + kind + ", compatibility BACKWARD\n")
			p.must("producer", "generate", "--count", "20", "--seed", "1", "--value-format", format)
			p.eventsInBothForms()
		}
	})
}

// eventsInBothForms processes 20 purchases into plain events and 20 into events in
// the frame of their schema. Analytics reads both.
func (s *shop) eventsInBothForms() {
	s.t.Helper()
	s.must("processor", "run", "--drain")
	s.must("producer", "generate", "--count", "20", "--seed", "2")
	s.must("processor", "run", "--drain", "--value-format", "json-schema", "--register-schema")
	begin := map[byte]int{}
	for _, r := range s.read(s.events()) {
		begin[r.Value[0]]++
	}
	if got := s.stored(); begin['{'] != 20 || begin[0] != 20 || got != "40" {
		s.t.Errorf("%d plain events and %d in a frame, %s are stored", begin['{'], begin[0], got)
	}
}

// binarySchema is a message of Protobuf as Python's serializer registers it.
const binarySchema = "CgdwLnByb3RvEgRzaG9wIhEKAVASDAoEdXNlchgBIAEoCWIGcHJvdG8z"

// A schema of somebody else is worth a note: who writes it may be right.
func TestOurSchemaCannotFollow(t *testing.T) {
	onEach(t, func(s *shop) {
		const foreign = `{"type":"record","name":"Other","fields":[{"name":"shop","type":"string"}]}`
		s.registry.register(s.t, s.subject(), "AVRO", foreign)
		s.registry.keepTo(s.t, s.subject(), "BACKWARD")
		s.checks(" version 1, AVRO, compatibility BACKWARD\n",
			"\nnote: subject "+s.subject()+": our schema cannot follow version 1 under compatibility BACKWARD: ")
		s.fails([]string{"register our schema in subject", s.subject(), "answered 409"},
			"producer", "generate", "--count", "1", "--seed", "1", "--value-format", "avro", "--register-schema")

		p := s.part("binary")
		s.registry.register(s.t, p.subject(), "PROTOBUF", binarySchema)
		s.registry.keepTo(s.t, p.subject(), "BACKWARD")
		p.createTopics()
		p.checks(" version 1, PROTOBUF, compatibility BACKWARD\n",
			"\nnote: subject "+p.subject()+": whether our schema can follow version 1 is not known: ")
	})
}
