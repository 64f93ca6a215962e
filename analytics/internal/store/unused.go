package store

import (
	"database/sql/driver"
	"fmt"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
)

// unused deletes what no event has any more, each by its integer. An item stays:
// it has the name that its latest event gave it, also one that was taken back.
type unused struct{ month, user, set, attribute *sqlitestmt.Statement }

func newUnused(conn driver.Conn) *unused {
	return &unused{
		month: sqlitestmt.New(conn, `DELETE FROM stats_user_month WHERE user_id = ? AND month = ? AND purchases = 0`),
		user: sqlitestmt.New(conn, `DELETE FROM users WHERE user_id = ?1 AND NOT EXISTS (SELECT 1 FROM stats_user WHERE
			user_id = ?1)`),
		set: sqlitestmt.New(conn, `DELETE FROM attribute_sets WHERE attribute_set_id = ? AND events = 0`),
		attribute: sqlitestmt.New(conn, `DELETE FROM attributes
			WHERE attribute_id = ?1 AND NOT EXISTS (SELECT 1 FROM stats_attribute WHERE attribute_id = ?1)`),
	}
}

// Close frees the statements.
func (u *unused) Close() error { return sqlitestmt.CloseAll(u.month, u.user, u.set, u.attribute) }

// dropEmpty deletes the rows that count nothing since the batch has taken events
// out. It looks only at rows from which the batch has taken something.
func (w *Writer) dropEmpty(b *batch.Batch) error {
	for _, s := range w.summaries {
		sums, _ := sumsOf(s.Table, b, w.names)
		if err := s.drop(sums, b.Currencies.Values); err != nil {
			return fmt.Errorf("delete empty rows of %s: %w", s.Table, err)
		}
	}
	if err := w.orders.dropEmpty(b, w.names.items); err != nil {
		return err
	}
	for i := range b.Statistics.UserMonths.Rows {
		if m := &b.Statistics.UserMonths.Rows[i]; m.Purchases < 0 {
			if _, err := w.unused.month.Exec(m.ID, m.Period); err != nil {
				return fmt.Errorf("delete empty rows of stats_user_month: %w", err)
			}
		}
	}
	if err := w.dropNames(b); err != nil {
		return fmt.Errorf("delete names that no event has any more: %w", err)
	}
	return nil
}

// drop deletes the table's rows that the sums have emptied, and finds the leading
// rows again.
func (s *summary) drop(sums *batch.Sums, currencies []string) error {
	key := make([]driver.Value, 0, len(s.Keys))
	for i := range sums.Rows {
		sum := &sums.Rows[i]
		if sum.Purchases >= 0 && sum.Returns >= 0 {
			continue
		}
		if _, err := s.dropEmpty.Exec(s.appendKey(key, sum, currencies)...); err != nil {
			return err
		}
	}
	if s.ranking == nil {
		return nil
	}
	return s.ranking.fallen()
}

// dropNames deletes those of the names of the events taken out that no event has
// any more.
func (w *Writer) dropNames(b *batch.Batch) error {
	n := w.names
	users, sets := map[int]bool{}, map[int]bool{}
	for i := range b.Counted {
		if a := &b.Counted[i]; a.Sign < 0 {
			users[a.User] = true
			if a.Set != batch.None {
				sets[a.Set] = true
			}
		}
	}
	for user := range users {
		if err := n.users.drop(w.unused.user, b.Users.Values[user], user); err != nil {
			return err
		}
	}
	attributes := map[int]bool{}
	for set := range sets {
		if err := n.sets.drop(w.unused.set, b.Sets.Values[set], set); err != nil {
			return err
		}
		for _, attribute := range b.SetMembers[set] {
			attributes[attribute] = true
		}
	}
	for attribute := range attributes {
		deleted, err := w.unused.attribute.Exec(n.attributeIDs[attribute])
		if err != nil {
			return err
		}
		if deleted > 0 {
			delete(n.attributes, b.Attributes.Values[attribute])
		}
	}
	return nil
}
