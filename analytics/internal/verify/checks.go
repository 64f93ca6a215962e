package verify

import (
	"fmt"
	"slices"
	"strings"

	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/rollup"
)

// Check is a question to the database.
type Check struct {
	Name string // of what is compared
	// SQL returns one column of text, a row for each difference.
	SQL string
}

// Checks lists all checks in SQL, the most important first.
func Checks(kept retention.Kept) []Check {
	checks := []Check{
		{"SQLite's integrity check", `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`},
		{"references between tables", `SELECT "table" || ' refers to a missing row of ' || parent FROM
			pragma_foreign_key_check`},
	}
	checks = append(checks, partitionChecks...)
	for _, s := range statistics(kept) {
		checks = append(checks, Check{s.Table + " against what it sums up", against(s)})
	}
	return append(checks, restChecks(kept)...)
}

// stored are the places of all records. Events and what takes them back do not
// name their topic, as there is one.
const stored = `WITH log AS (SELECT min(topic) AS topic FROM internal_partitions WHERE events + retractions + retracted
	> 0),
	stored AS (
		SELECT log.topic, partition, offset FROM log CROSS JOIN events
		UNION ALL SELECT log.topic, partition, offset FROM log CROSS JOIN retractions
		UNION ALL SELECT log.topic, partition, offset FROM log CROSS JOIN retracted_events
		UNION ALL SELECT topic, partition, offset FROM duplicates
		UNION ALL SELECT topic, partition, offset FROM expired
		UNION ALL SELECT topic, partition, offset FROM rejected JOIN rejected_causes USING (cause_id)) `

var partitionChecks = []Check{
	{"the counts of each partition",
		`SELECT format('%s/%d: %d records, but %d events, %d duplicates, %d rejected, %d retractions, %d retracted and %d expired',
			topic, partition, records, events, duplicates, rejected, retractions, retracted, expired)
		FROM internal_partitions WHERE records <> events + duplicates + rejected + retractions + retracted + expired
			OR conflicts > duplicates OR late > events + retracted
			OR min(events, duplicates, conflicts, rejected, late, retractions, retracted, expired) < 0`},
	{"the counts of partitions against the events",
		countsAgainst("events", `SELECT partition, count(*) AS n FROM events GROUP BY partition
		UNION ALL SELECT partition, events FROM internal_pruned`)},
	{"the counts of partitions against the retractions",
		countsAgainst("retractions", `SELECT partition, count(*) AS n FROM retractions GROUP BY partition`)},
	{"the counts of partitions against the retracted events",
		countsAgainst("retracted", `SELECT partition, count(*) AS n FROM retracted_events GROUP BY partition`)},
	{"the counts of partitions against the duplicates",
		countsOfTopics("duplicates", `SELECT topic, partition, 1 AS n FROM duplicates`)},
	{"the counts of partitions against the conflicts",
		countsOfTopics("conflicts", `SELECT topic, partition, conflict AS n FROM duplicates`)},
	{"the counts of partitions against the rejected records", countsOfTopics("rejected",
		`SELECT topic, partition, 1 AS n FROM rejected JOIN rejected_causes USING (cause_id)`)},
	{"the counts of partitions against the letters of expired offsets", countsOfTopics("expired",
		`SELECT topic, partition, 1 AS n FROM expired`)},
	{"records stored twice", stored + `SELECT format('%s/%d offset %d, %d times', topic, partition, offset, count(*))
		FROM stored GROUP BY topic, partition, offset HAVING count(*) > 1`},
	{"the stored offsets against the records", stored + `, last AS (SELECT topic, partition, max(offset) AS offset FROM (
			SELECT * FROM stored UNION ALL SELECT topic, partition, last_offset FROM log CROSS JOIN internal_pruned) GROUP BY
			topic, partition)
		SELECT format('%s/%d: next offset %d, last record %s, but a record at %d', topic, partition, next_offset,
		ifnull(last_offset, 'unknown'), offset)
		FROM internal_partitions JOIN last USING (topic, partition)
		WHERE offset >= next_offset OR last_offset <> offset`},
	{"the stored offsets against the gaps",
		`SELECT format('%s/%d: next offset %d, but %d records and %d missing offsets', topic, partition, next_offset,
			records, missing)
		FROM internal_partitions p JOIN (
			SELECT topic, partition, sum(to_offset - from_offset + 1) AS missing, max(to_offset) AS last FROM gaps GROUP BY
			topic, partition) g
			USING (topic, partition)
		WHERE records + missing > next_offset OR g.last >= next_offset
		UNION ALL SELECT format('%s/%d: next offset %d, but %d records', topic, partition, next_offset, records)
			FROM internal_partitions WHERE records > next_offset`},
	{"records inside gaps", stored + `SELECT format('%s/%d offset %d', g.topic, g.partition, s.offset)
		FROM gaps g JOIN stored s ON s.topic = g.topic AND s.partition = g.partition AND s.offset BETWEEN g.from_offset AND
		g.to_offset`},
}

// countsAgainst compares a count of each partition, of all topics, with rows of
// the events' topic.
func countsAgainst(column, rows string) string {
	return fmt.Sprintf(`SELECT format('partition %%d: %%+d', partition, sum(n))
		FROM (SELECT partition, sum(%s) AS n FROM internal_partitions GROUP BY partition
			UNION ALL SELECT partition, -n FROM (%s))
		GROUP BY partition HAVING sum(n) <> 0`, column, rows)
}

// countsOfTopics compares a count of each partition with rows that name their topic.
func countsOfTopics(column, rows string) string {
	return fmt.Sprintf(`SELECT format('%%s/%%d: %%+d', topic, partition, sum(n))
		FROM (SELECT topic, partition, %s AS n FROM internal_partitions
			UNION ALL SELECT topic, partition, -n FROM (%s))
		GROUP BY topic, partition HAVING sum(n) <> 0`, column, rows)
}

// against takes the recomputed rows from the stored ones: what is left differs,
// by that much. The events are read once.
func against(s rollup.Statistic) string {
	keys, columns := strings.Join(s.Keys, ", "), strings.Join(s.Columns(), ", ")
	var label, negative, differs, amounts []string
	for _, k := range s.Keys {
		label = append(label, fmt.Sprintf("'%s=' || quote(%s)", k, k))
	}
	for _, v := range s.Values {
		negative = append(negative, "-"+v)
		if !slices.Contains(s.Loose, v) {
			differs = append(differs, fmt.Sprintf("sum(%s) <> 0", v))
			amounts = append(amounts, fmt.Sprintf("iif(sum(%s) <> 0, format(' %s %%+d', sum(%[1]s)), '')", v, v))
		}
	}
	return fmt.Sprintf(`WITH computed(%[1]s) AS (%[2]s)
		SELECT %[3]s || CASE sum(rows) WHEN 1 THEN ' has no events' WHEN -1 THEN ' is missing' ELSE ':' || %[4]s END
		FROM (SELECT 1 AS rows, %[1]s FROM %[5]s UNION ALL SELECT -1, %[6]s, %[7]s FROM computed)
		GROUP BY %[6]s HAVING sum(rows) <> 0 OR %[8]s`,
		columns, s.SQL, strings.Join(label, " || ' ' || "), strings.Join(amounts, " || "), s.Table, keys,
		strings.Join(negative, ", "), strings.Join(differs, " OR "))
}
