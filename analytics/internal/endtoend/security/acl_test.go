package security

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

const aclCommand = "org.apache.kafka.tools.AclCommand" // kafka-acls

// With exactly the rights of the manual everything works, and each that is
// taken away is named, alone, with the command that grants it again.
func TestDocumentedRights(t *testing.T) {
	rights, people, acls := documented(t), crew(t), newAuthorizer(t)
	if acls.count() != 0 {
		t.Fatal("the cluster has ACLs that the manual does not know of")
	}
	acls.grant(rights...)
	people[creator].must("producer", "topics", "create")
	round(t, people, "30")
	for _, r := range rights {
		t.Run(r.program+"/"+r.String(), func(t *testing.T) {
			p := *people[r.user()]
			p.t, acls.t = t, t
			acls.revoke(r)
			if options := p.misses(r); options != nil {
				acls.follow(options)
			} else {
				acls.grant(r)
			}
		})
	}
	acls.t = t
	round(t, people, "60")
}

// crew are the users of the manual's table. They log in by different ways,
// since each gives its user a name in a way of its own.
func crew(t *testing.T) map[string]*person {
	t.Helper()
	people := map[string]*person{}
	for _, user := range append([]string{creator}, programs...) {
		people[user] = newPerson(t, "")
	}
	for user, mechanism := range map[string]string{creator: "PLAIN", "producer": "PLAIN", "processor": "SCRAM-SHA-512"} {
		people[user].configure(people[user].byPassword(mechanism, user))
	}
	people["analytics"].configure(people["analytics"].byCertificate("analytics"))
	return people
}

// work is the command of a user that needs its rights.
func work(user string) (program string, command []string) {
	switch user {
	case creator:
		return "producer", []string{"topics", "create"}
	case "producer":
		return "producer", []string{"generate", "--count", "30"}
	}
	return user, []string{"run", "--drain"}
}

// round has all three programs at work without a complaint, after which the
// database holds so many events.
func round(t *testing.T, people map[string]*person, want string) {
	t.Helper()
	for _, user := range programs {
		if report := people[user].must(user, "check"); !strings.Contains(report,
			"not compared: the cluster reports its time only to users with Describe on the cluster") {
			t.Errorf("%s check compares the clocks without the right:\n%s", user, report)
		}
		program, command := work(user)
		if o := people[user].run(program, command[0], command[1:]...); o.code != 0 || strings.Contains(o.stderr, " WARN ") {
			t.Fatalf("%s %v: exit %d\n%s", program, command, o.code, o.stderr)
		}
	}
	if got := people["analytics"].events(); got != want {
		t.Errorf("%s events were stored, want %s", got, want)
	}
}

// misses runs what the user runs, without the right. It returns the options
// with which kafka-acls would grant it, from what the program says; what is
// only good to see has no such advice.
func (p *person) misses(r right) (options []string) {
	p.t.Helper()
	program, command := work(r.user())
	o := p.run(program, command[0], command[1:]...)
	if r.operation == sarama.AclOperationDescribeConfigs {
		row := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(r.resource.ResourceName) + ` .* unknown$`)
		if o.code != 0 || !row.MatchString(o.stdout) {
			p.t.Errorf("exit %d, want min.insync.replicas to be unknown:\n%s%s", o.code, o.stdout, o.stderr)
		}
		return nil
	}
	if r.optional != (o.code == 0) {
		p.t.Errorf("%s %v: exit %d without %s\n%s", program, command, o.code, r, o.stderr)
	}
	if !r.optional {
		options = p.named(r, o.stderr)
	}
	if r.user() == program {
		o = p.run(program, "check")
		options = p.named(r, o.stdout)
	}
	return options
}

// named looks for the right in what a program said.
func (p *person) named(r right, said string) []string {
	p.t.Helper()
	advice := regexp.MustCompile(`kafka-acls (--add [^,;\n]*)`).FindStringSubmatch(said)
	if !r.lack().MatchString(said) || strings.Count(said, "not allowed") != 1 || advice == nil {
		p.t.Fatalf("want it to say that %s is missing, and nothing else:\n%s", r, said)
	}
	return strings.Fields(advice[1])
}

// authorizer sets the cluster's ACLs.
type authorizer struct {
	t *testing.T
	sarama.ClusterAdmin
}

func newAuthorizer(t *testing.T) *authorizer {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(secured(t).kafka.Addresses, sarama.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	return &authorizer{t: t, ClusterAdmin: admin}
}

func (a *authorizer) grant(rights ...right) {
	a.t.Helper()
	before := a.count()
	for _, r := range rights {
		if err := a.CreateACLs([]*sarama.ResourceAcls{r.acl()}); err != nil {
			a.t.Fatal(err)
		}
	}
	a.await(before + len(rights))
}

// follow grants with Kafka's own tool.
func (a *authorizer) follow(options []string) {
	a.t.Helper()
	before := a.count()
	if _, err := secured(a.t).kafka.Tool(a.t.Context(), aclCommand, options...); err != nil {
		a.t.Fatal(err)
	}
	a.await(before + 1)
}

func (a *authorizer) revoke(r right) {
	a.t.Helper()
	before, principal := a.count(), r.principal()
	deleted, err := a.DeleteACL(sarama.AclFilter{
		Version: 1, ResourceType: r.resource.ResourceType, ResourceName: &r.resource.ResourceName,
		ResourcePatternTypeFilter: r.resource.ResourcePatternType,
		Principal:                 &principal, Operation: r.operation, PermissionType: sarama.AclPermissionAllow,
	}, false)
	if err != nil || len(deleted) != 1 {
		a.t.Fatalf("revoke %s: %d ACLs deleted, %v", r, len(deleted), err)
	}
	a.await(before - 1)
}

// await waits until the broker has heard of what the controller decided.
func (a *authorizer) await(count int) {
	a.t.Helper()
	for deadline := time.Now().Add(patience); a.count() != count; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("the broker has %d ACLs, want %d", a.count(), count)
		}
	}
}

func (a *authorizer) count() (n int) {
	a.t.Helper()
	found, err := a.ListAcls(sarama.AclFilter{
		Version: 1, ResourceType: sarama.AclResourceAny, ResourcePatternTypeFilter: sarama.AclPatternAny,
		Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, resource := range found {
		n += len(resource.Acls)
	}
	return n
}
