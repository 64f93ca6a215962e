package pipeline

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"purchases/processor/deadletter"
)

const awayLine = "the schema registry is unreachable"

// outage is a processor whose registry does to requests what the test says.
type outage struct {
	*cluster
	fake     *srfake.Registry
	lines    *logLines
	requests atomic.Int32
	stop     func() error
}

// newOutage sends 100 messages of JSON and one that needs a schema. Refuse says
// whether it has answered a request.
func newOutage(t *testing.T, refuse srfake.Interceptor) *outage {
	t.Parallel()
	o := &outage{cluster: newCluster(t), lines: new(logLines)}
	o.fake, _ = newRegistry(t)
	o.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		o.requests.Add(1)
		return refuse(w, r)
	})
	o.settings.Registry.URLs = []string{o.fake.URL()}
	o.settings.Registry.User, o.settings.Registry.Password = "shop", "wrong"
	o.produce(100)
	o.send(avroMessage(t, register(t, o.fake, "purchases-value"), "framed"))
	s := o.run()
	s.Log = o.lines.logger()
	o.stop = start(t, s)
	return o
}

// end stops the processor, which must have said so often that the registry is away.
func (o *outage) end(events, said int) {
	o.t.Helper()
	o.waitFor(events)
	if err := o.stop(); err != nil || o.lines.count(awayLine) != said {
		o.t.Errorf("%v, it was said %d times that the registry is away, want %d", err, o.lines.count(awayLine), said)
	}
	if letters := o.read(deadletter.Topic); len(letters) > 0 {
		o.t.Errorf("%d dead letters", len(letters))
	}
}

// says checks the line that says that the registry is away.
func (o *outage) says(texts ...string) {
	o.t.Helper()
	o.eventually("it is said", func() bool { return o.lines.count(awayLine) > 0 })
	line := o.lines.find(awayLine)
	for _, want := range append(texts, o.fake.URL()) {
		if !strings.Contains(line, want) {
			o.t.Errorf("it does not say %q: %s", want, line)
		}
	}
}

func TestRegistryDownAtStart(t *testing.T) {
	var up atomic.Bool
	o := newOutage(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if up.Load() {
			return false
		}
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
		return true
	})
	o.says("does not answer at ", "check schema.registry.url")
	o.waitFor(100)
	up.Store(true)
	o.end(101, 1)
}

func TestRegistryRefusesThePassword(t *testing.T) {
	o := newOutage(t, func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password == "right" {
			return false
		}
		http.Error(w, `{"error_code":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
		return true
	})
	o.says("answered 401 to GET ", "check basic.auth.user.info")
	o.eventually("it asks again", func() bool { return o.requests.Load() >= 3 })
	o.end(100, 1)

	o.settings.Registry.Password = "right"
	if totals := o.mustDrain(); totals != (Totals{Events: 1}) {
		t.Errorf("with the right password: %+v", totals)
	}
}

func TestRegistryIsSlow(t *testing.T) {
	answer := make(chan struct{})
	o := newOutage(t, func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		return false
	})
	o.waitFor(100)
	close(answer)
	o.waitFor(101)
	o.end(101, o.lines.count(awayLine)) // nobody knows how slow the machine is
}
