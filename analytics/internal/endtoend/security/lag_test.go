package security

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

const groupCommand = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand" // kafka-consumer-groups

// Kafka's own tool shows what each of the two groups has not read yet.
func TestConsoleToolShowsTheLag(t *testing.T) {
	p := newPerson(t, "-lag")
	p.configure(p.byPassword("PLAIN", admin))
	p.createTopics()
	p.pipeline(400) // so many that each partition has some
	p.must("producer", "generate", "--count", "100")
	if lag := p.lag("processor-lag", "purchases-lag"); lag != 100 {
		t.Errorf("the processor's lag is %d before it has read, want 100", lag)
	}
	p.must("processor", "run", "--drain")
	if lag := p.lag("processor-lag", "purchases-lag"); lag != 0 {
		t.Errorf("the processor's lag is %d when it has read all, want 0", lag)
	}
	// The end of a transaction takes an offset in each partition, too.
	if lag := p.lag("analytics-lag", "analytics-lag"); lag < 100 {
		t.Errorf("the lag of analytics is %d before it has read, want 100 and the ends of transactions", lag)
	}
	p.must("analytics", "run", "--drain")
	if lag := p.lag("analytics-lag", "analytics-lag"); lag > partitions {
		t.Errorf("the lag of analytics is %d when it has read all, want the end of one transaction in each partition", lag)
	}
}

// lag is what Kafka's console tool says a group has not read of a topic. It
// wants to see every partition.
func (p *person) lag(group, topic string) (lag int) {
	p.t.Helper()
	output, err := p.kafka.Tool(p.t.Context(), groupCommand, "--describe", "--group", group)
	if err != nil {
		p.t.Fatal(err)
	}
	column, rows := -1, 0
	for line := range strings.Lines(output) {
		switch fields := strings.Fields(line); {
		case len(fields) > 0 && fields[0] == "GROUP":
			column = slices.Index(fields, "LAG")
		case column > 0 && len(fields) > column && fields[0] == group && fields[1] == topic:
			n, err := strconv.Atoi(fields[column])
			if err != nil {
				p.t.Fatalf("%v in:\n%s", err, output)
			}
			lag, rows = lag+n, rows+1
		}
	}
	if rows != partitions {
		p.t.Errorf("the tool shows the lag of %s in %d of %d partitions of %s:\n%s", group, rows, partitions, topic, output)
	}
	return lag
}
