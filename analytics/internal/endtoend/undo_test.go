package endtoend_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// export is a file of purchases, and what importing it once gives.
type export struct {
	currency string
	rows     []string
	units    int
	cents    int
	imported bool // by the last command about it
}

func newExport(currency string, random *rand.Rand) *export {
	s := &export{currency: currency}
	for n := range 300 {
		quantity, cents := 1+random.IntN(3), 100+random.IntN(900)
		row := fmt.Sprintf("u%d,i%d,%d,%d.%02d,2026-01-%02dT00:00:00Z", n%7, n%11, quantity, cents/100, cents%100, 1+n%28)
		for range 1 + random.IntN(2) { // some rows repeat another
			s.rows = append(s.rows, row)
			s.units += quantity
			s.cents += quantity * cents
		}
	}
	return s
}

// file writes the rows in an order of their own.
func (s *export) file(m *machine, random *rand.Rand) string {
	random.Shuffle(len(s.rows), func(i, j int) { s.rows[i], s.rows[j] = s.rows[j], s.rows[i] })
	path := filepath.Join(m.dir, s.currency+".csv")
	text := "user,item,quantity,unit_price,timestamp\n" + strings.Join(s.rows, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// Files are imported and taken back in any order and number, and the programs are
// killed meanwhile. In the end each file counts once whose last command was an
// import, and no other.
func TestImportsAreTakenBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	m := newMachine(t)
	exports := []*export{newExport("EUR", random), newExport("GBP", random), newExport("USD", random)}
	processor, analytics := m.launch("processor", "run", "--batch-size", "100"), m.launch("analytics", "run")
	for range 10 {
		m.change(exports[random.IntN(len(exports))], random)
		switch random.IntN(3) {
		case 0:
			processor.Kill()
			processor = m.launch("processor", "run", "--batch-size", "100")
		case 1:
			analytics.Kill()
			analytics = m.launch("analytics", "run")
		}
	}
	processor.Kill()
	analytics.Kill()
	m.run("processor", "run", "--drain")
	m.run("analytics", "run", "--drain")
	m.wantExports(exports)
	m.run("analytics", "verify")
}

// change imports an export or takes it back, now and then after the command was
// killed on its way.
func (m *machine) change(s *export, random *rand.Rand) {
	args := []string{s.file(m, random), "--set", "currency=" + s.currency}
	if s.imported = random.IntN(2) == 0; !s.imported {
		args = append(args, "--undo")
	}
	if random.IntN(3) == 0 {
		killed := m.launch("producer", "import", args...)
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
		killed.Kill()
	}
	m.run("producer", "import", args...)
}

func (m *machine) wantExports(exports []*export) {
	m.t.Helper()
	found := map[string]string{}
	for _, row := range m.query("summary") {
		found[row[0]] = strings.Join([]string{row[1], row[4], row[6]}, " ")
	}
	for _, s := range exports {
		want := ""
		if s.imported {
			want = fmt.Sprintf("%d %d %d.%02d", len(s.rows), s.units, s.cents/100, s.cents%100)
		}
		if found[s.currency] != want {
			m.t.Errorf("%s: events, units and revenue are %q, want %q", s.currency, found[s.currency], want)
		}
	}
}
