package security

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

const manual = "../../../../docs/kafka.md"

// right is what one ACL grants.
type right struct {
	program   string // as the manual names it: a program, or one of its commands
	resource  sarama.Resource
	operation sarama.AclOperation
	optional  bool
}

// user is who runs the program.
func (r right) user() string {
	if r.program == "producer topics create" {
		return creator
	}
	return r.program
}

// principal is the user's name to the broker, by the login that crew gives it.
func (r right) principal() string {
	if r.user() == "analytics" {
		return "User:CN=analytics"
	}
	return "User:" + r.user()
}

func (r right) String() string {
	kind := strings.ToLower(r.resource.ResourceType.String())
	if r.resource.ResourceType == sarama.AclResourceTransactionalID {
		kind = "transactional id"
	}
	return fmt.Sprintf("%s on %s %s", &r.operation, kind, r.resource.ResourceName)
}

// lack is how a program names the right where it is missing.
func (r right) lack() *regexp.Regexp {
	// a transactional id ends with the partition
	return regexp.MustCompile("not allowed: " + regexp.QuoteMeta(r.String()) + `\d* \(to `)
}

func (r right) acl() *sarama.ResourceAcls {
	return &sarama.ResourceAcls{Resource: r.resource, Acls: []*sarama.Acl{{
		Principal: r.principal(), Host: "*", Operation: r.operation, PermissionType: sarama.AclPermissionAllow,
	}}}
}

// documented reads the manual's table, but for what concerns other versions of
// Kafka and the command check alone.
func documented(t *testing.T) (rights []right) {
	t.Helper()
	content, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "| Program | Resource | Operations | |\n|---|---|---|---|\n")
	table, _, ends := strings.Cut(table, "\n\n")
	if !found || !ends {
		t.Fatalf("%s lacks the table of rights", manual)
	}
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), "|")
		for len(cells) < 4 {
			cells = append(cells, "")
		}
		program := strings.TrimSpace(cells[0])
		if strings.Contains(program, "Kafka before") || strings.HasPrefix(program, "any ") {
			continue
		}
		rights = append(rights, rightsOf(t, strings.Trim(program, "`"), cells[1], cells[2],
			strings.Contains(cells[3], "optional"))...)
	}
	return rights
}

func rightsOf(t *testing.T, program, resources, operations string, optional bool) (rights []right) {
	t.Helper()
	resource := sarama.Resource{ResourcePatternType: sarama.AclPatternLiteral}
	switch kind, _, _ := strings.Cut(strings.TrimSpace(resources), " "); kind {
	case "topic", "topics":
		resource.ResourceType = sarama.AclResourceTopic
	case "group":
		resource.ResourceType = sarama.AclResourceGroup
	case "transactional":
		resource.ResourceType, resource.ResourcePatternType = sarama.AclResourceTransactionalID, sarama.AclPatternPrefixed
	default:
		t.Fatalf("the manual has a resource that this test does not know: %s", resources)
	}
	for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(resources, -1) {
		for operation := range strings.SplitSeq(operations, ",") {
			r := right{program: program, resource: resource, optional: optional}
			r.resource.ResourceName = name[1]
			if err := r.operation.UnmarshalText([]byte(strings.TrimSpace(operation))); err != nil {
				t.Fatalf("%s: %v", manual, err)
			}
			rights = append(rights, r)
		}
	}
	return rights
}
