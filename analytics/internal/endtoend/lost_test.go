package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

// forget deletes the records of the topic below the offset in each partition, but
// for its last offset, and returns how far it went.
func (m *machine) forget(topic string, upTo int64) map[int32]int64 {
	m.t.Helper()
	settings := kafka.Settings{Bootstrap: m.cluster.Addresses}
	client, err := settings.Connect(m.within(patience), settings.Config())
	if err != nil {
		m.t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	offsets := map[int32]int64{}
	for p := range int32(partitions) {
		end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
		if err != nil {
			m.t.Fatal(err)
		}
		offsets[p] = min(upTo, end-1)
	}
	if err := admin.DeleteRecords(topic, offsets); err != nil {
		m.t.Fatal(err)
	}
	return offsets
}

// says runs a program to its end and returns what it wrote to both streams.
func (m *machine) says(program, command string, args ...string) string {
	m.t.Helper()
	out, err := m.command(program, command, args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s %s %v: %v\n%s", program, command, args, err, out)
	}
	return string(out)
}

// gapRows are the gaps without their times.
func (m *machine) gapRows() (rows []string) {
	m.t.Helper()
	for _, row := range m.query("gaps") {
		rows = append(rows, strings.Join(row[:5], " "))
	}
	return rows
}

func (m *machine) wantGaps(after string, want []string) {
	m.t.Helper()
	if got := m.gapRows(); !slices.Equal(got, want) {
		m.t.Errorf("%s the gaps are\n%s\nwant\n%s", after, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Purchases expire before the processor comes. That is refused, then accepted and
// recorded once although the processor is killed at each step, and known for ever.
func TestGapBeforeTheProcessor(t *testing.T) {
	p := newPublished(t)
	p.publish(400)
	var gaps []string
	lost := int64(0)
	for partition, next := range p.forget(p.purchases(), 7) {
		gaps = append(gaps, fmt.Sprintf("%s %d 0 %d %d", p.purchases(), partition, next-1, next))
		lost += next
	}
	slices.Sort(gaps)
	refusal := fmt.Sprintf("%s/0: offsets 0 to 6 (7)", p.purchases())
	if err := failed(p.command("processor", "run", "--drain"), refusal); err != nil {
		t.Fatal(err)
	}
	for _, point := range slices.DeleteFunc(findCrashPoints(t),
		func(point string) bool { return !strings.HasPrefix(point, "processor.") }) {
		p.dies(p.doomed(point+":1", "processor", "run", "--on-gap", "accept"))
	}
	p.run("processor", "run", "--drain", "--on-gap", "accept")
	p.run("analytics", "run", "--drain")
	p.wantGaps("at first", gaps)
	letters := p.query("rejected")
	want(t, p.says("analytics", "verify"), "verified: ", fmt.Sprintf("%d offsets expired or could not be read", lost))
	want(t, p.says("analytics", "status"), fmt.Sprintf("%d offsets expired or could not be read", lost))

	p.run("processor", "run", "--drain", "--on-gap", "accept", "--group", "another"+p.suffix)
	p.run("analytics", "run", "--drain")
	p.wantGaps("after another group", gaps)

	p.forget(p.purchases(), 20)
	p.run("processor", "run", "--drain", "--on-gap", "accept", "--group", "a-third"+p.suffix)
	p.run("analytics", "run", "--drain")
	p.wantGaps("when more has expired, which was processed", gaps)
	if got := p.query("rejected"); fmt.Sprint(got) != fmt.Sprint(letters) {
		t.Errorf("rejected records %v, before they were %v", got, letters)
	}

	want(t, p.says("analytics", "replay", "--yes"), " 0 differences")
	p.wantGaps("after a replay", gaps)
	p.forget(p.letters(), 1<<40)
	want(t, p.says("analytics", "replay", "--yes", "--keep-missing"), " 0 differences")
	p.wantGaps("after a replay without the letters", gaps)
	want(t, p.says("analytics", "verify"), "verified: ")
}
