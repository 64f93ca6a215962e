package browser_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/database"
)

// shop is a database with made-up purchases.
type shop struct {
	path string
	db   *database.Database
}

// kind says what the names of a shop are, and its currencies.
type kind struct {
	items, users, countries []string
	currencies              []string
	refunds                 bool // more returns than purchases
}

var (
	plainShop = kind{
		items: []string{"Tea cup", "Lantern", "Paper kite", "Blue jug", "Cake stand", "Bird ornament", "Night light",
			"Wool blanket", "Wooden spoon", "Candle", "Doormat", "Egg timer"},
		users: []string{"Ada", "Ben", "Chloë", "David", "Eve", "Farid", "Grace", "Hugo", "Ida", "Jun", "Kofi", "Lea",
			"Mia"},
		countries:  []string{"France", "Germany", "Japan", "Norway", "Spain"},
		currencies: []string{"EUR"},
	}
	hostileShop = kind{
		items: []string{"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", strings.Repeat("long name ", 1000),
			"مصباح صغير", "כוס תה", "🫖🏳️‍🌈👩‍👩‍👧‍👦",
			"'; DROP TABLE items; --", "{{.}}", "a\u202eb", "   ", "../../etc/passwd", "javascript:alert(1)"},
		users:      []string{"<b>bold</b>", "&amp;", "مستخدم", "משתמש", strings.Repeat("x", 10_000), "😀"},
		countries:  []string{"<i>", "العربية", "nul l"},
		currencies: []string{"EUR"},
		refunds:    true,
	}
)

func (k kind) in(currencies ...string) kind {
	k.currencies = currencies
	return k
}

// newShop makes a database of 60 days up to 9 December 2025.
func newShop(t *testing.T, k kind) *shop {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &shop{path, db}
	s.exec(`INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES ('analytics', 'events', 'c', 'i'),
		('purchases.dlq', 'dead_letters', 'c', 'd')`)
	s.exec(`INSERT INTO internal_partitions (topic, partition, next_offset, high_watermark, records) VALUES ('analytics',
		0, 0, 0, 0)`)
	if len(k.items) > 0 {
		s.fill(k)
	}
	return s
}

func (s *shop) exec(statement string, args ...any) { s.db.MustExec(statement, args...) }

func (s *shop) fill(k kind) {
	for i, name := range k.items {
		s.exec(`INSERT INTO items VALUES (?, ?, ?, 0)`, i+1, fmt.Sprintf("SKU-%03d", i+1), name)
	}
	for i, name := range k.users {
		s.exec(`INSERT INTO users VALUES (?, ?)`, i+1, name)
	}
	for i, name := range k.countries {
		s.exec(`INSERT INTO attributes VALUES (?, 'country', ?)`, i+1, name)
	}
	end := time.Date(2025, 12, 9, 18, 0, 0, 0, time.UTC)
	for n := range 3000 {
		r := random(n)
		at := end.Add(-time.Duration(r(0)%(100*24*60)) * time.Minute)
		if at.Weekday() == time.Saturday || at.Hour() < 7 {
			continue
		}
		item, user := min(r(1), r(2))%uint64(len(k.items))+1, min(r(3), r(4))%uint64(len(k.users))+1
		quantity := int64(r(5)%6 + 1)
		if returned := r(6)%20 == 0; returned || k.refunds && r(6)%20 < 12 {
			quantity = -quantity
		}
		currency := k.currencies[min(r(7), r(8))%uint64(len(k.currencies))]
		order := r(0)%1000 + 1
		s.exec(`INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, 1, 0) ON CONFLICT DO NOTHING`, order, at.Unix()/86400, order,
			fmt.Sprint(order), user, currency)
		s.exec(`INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity,
			amount_micros, currency, processed_at)
			VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)`, at.UnixMilli(), id(n), n, user, item, order, quantity,
			quantity*int64(r(9)%40+3)*990_000, currency, at.UnixMilli())
	}
	s.count(len(k.countries))
}

// random gives numbers that are the same in each run.
func random(n int) func(i uint64) uint64 {
	return func(i uint64) uint64 {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", n, i))
		return binary.BigEndian.Uint64(sum[:8]) >> 1
	}
}

func id(n int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return sum[:16]
}

// count makes the statistics from the events.
func (s *shop) count(countries int) {
	const measures = `sum(quantity > 0), sum(quantity < 0), sum(max(quantity, 0)), sum(max(-quantity, 0)), sum(max(amount_micros, 0)), sum(max(-amount_micros, 0))`
	for _, statement := range []string{
		`DELETE FROM stats_item`, `DELETE FROM stats_user`, `DELETE FROM stats_item_day`, `DELETE FROM stats_quarter_hour`,
		`DELETE FROM stats_day`,
		`DELETE FROM stats_attribute`, `DELETE FROM stats_attribute_day`, `DELETE FROM stats_user_month`,
		`DELETE FROM stats_total`,
		`INSERT INTO stats_item SELECT item_id, currency, ` + measures + `, 1 FROM events GROUP BY 1, 2`,
		`INSERT INTO stats_user SELECT user_id, currency, ` + measures + `, 1 FROM events GROUP BY 1, 2`,
		`INSERT INTO stats_item_day SELECT occurred_at / 86400000, item_id, currency, ` + measures +
			` FROM events GROUP BY 1, 2, 3`,
		`INSERT INTO stats_quarter_hour SELECT occurred_at / 900000, currency, ` + measures + ` FROM events GROUP BY 1, 2`,
		`INSERT INTO stats_day SELECT occurred_at / 86400000, currency, ` + measures +
			`, count(DISTINCT order_id), count(*), sum(abs(quantity)), sum(max(amount_micros, 0)) FROM events GROUP BY 1, 2`,
		`INSERT INTO stats_total (currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros)
			SELECT currency, ` + measures + ` FROM events WHERE true GROUP BY 1 ON CONFLICT DO UPDATE SET (purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros)
			= (excluded.purchases, excluded.returns, excluded.units_sold, excluded.units_returned, excluded.revenue_micros,
			excluded.refunds_micros)`,
		fmt.Sprintf(`INSERT INTO stats_attribute SELECT user_id %% %d + 1, currency, %s FROM events GROUP BY 1, 2`, countries,
			measures),
		fmt.Sprintf(`INSERT INTO stats_attribute_day SELECT occurred_at / 86400000, user_id %% %d + 1, currency, %s FROM
			events GROUP BY 1, 2, 3`, countries, measures),
		`INSERT INTO stats_user_month SELECT user_id, (strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12 +
			strftime('%m', occurred_at / 1000, 'unixepoch') - 1, count(*)
			FROM events WHERE quantity > 0 GROUP BY 1, 2`,
		`UPDATE internal_partitions SET (next_offset, records, events, latest_event_at) = (SELECT max(offset) + 1, count(*),
			count(*), max(occurred_at) FROM events)`,
		`UPDATE internal_partitions SET high_watermark = next_offset, stored_at = unixepoch() * 1000`,
	} {
		s.exec(statement)
	}
}

// sell stores one more purchase, as an ingest does.
func (s *shop) sell(euros int64) {
	s.exec(`INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, quantity, amount_micros,
		currency, processed_at)
		SELECT max(occurred_at) + 1, randomblob(16), 0, max(offset) + 1, 1, 1, 1, ?, 'EUR', 0 FROM events`, euros*1_000_000)
	tx := s.db.MustBegin()
	defer func() { _ = tx.Rollback() }()
	tx.MustExec(`UPDATE stats_day SET (purchases, units_sold, revenue_micros) = (purchases + 1, units_sold + 1,
		revenue_micros + ?)
		WHERE currency = 'EUR' AND day = (SELECT max(day) FROM stats_day)`, euros*1_000_000)
	tx.MustExec(`UPDATE internal_partitions SET (next_offset, high_watermark, records) = (next_offset + 1, next_offset +
		1, records + 1)`)
	if err := tx.Commit(); err != nil {
		panic(err)
	}
}

// reject stores dead letters.
func (s *shop) reject() {
	s.exec(`INSERT INTO stats_rejected VALUES ('missing_user', 120, 1765200000000, 1765300000000), ('invalid_timestamp',
		3, 1765200000000, 1765200000000)`)
	s.exec(`INSERT INTO rejected_causes (cause_id, topic, source_topic, reason, detail) VALUES (1, 'purchases.dlq',
		'purchases', 'missing_user', 'user is absent or empty')`)
	s.exec(`INSERT INTO rejected_examples VALUES (?, 'missing_user', ?), (?, 'invalid_timestamp', ?)`, id(1),
		[]byte(`{"item":"SKU-001","timestamp":"2025-12-09T10:00:00Z"}`),
		id(2), []byte(`{"user":"Ada","item":"<b>SKU-001</b>","timestamp":"yesterday"}`))
}
