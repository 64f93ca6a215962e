package mapping_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

var columns = []string{"CustomerID", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "InvoiceNo",
	"Country"}

// drawOrder draws the cells of one row, some of them empty or malformed.
func drawOrder(t *rapid.T) map[string]string {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", " ", "85123A", "a, \"b\"\nc", "£ é"}),
		rapid.StringMatching(`[ -~]{0,8}`))
	order := map[string]string{}
	for _, column := range columns {
		order[column] = text.Draw(t, column)
	}
	order["Quantity"] = rapid.SampledFrom([]string{"6", "-1", " 12 ", "", "abc", "1.5"}).Draw(t, "quantity")
	order["UnitPrice"] = rapid.SampledFrom([]string{"2.55", "0.001", "0", "", "-1", "2,55"}).Draw(t, "price")
	order["InvoiceDate"] = rapid.SampledFrom([]string{"12/1/2010 8:26", "1/31/2011 18:05", "", "2010-12-01",
		"13/1/2010 8:26"}).Draw(t, "date")
	return order
}

func TestTableAndJSONGiveTheSameEvents(t *testing.T) {
	m := onlineRetail(t)
	rapid.Check(t, func(t *rapid.T) {
		orders := rapid.SliceOfN(rapid.Custom(drawOrder), 1, 5).Draw(t, "orders")
		var table, lines strings.Builder
		w := csv.NewWriter(&table)
		_ = w.Write(columns)
		for _, order := range orders {
			var cells []string
			for _, column := range columns {
				cells = append(cells, order[column])
			}
			_ = w.Write(cells)
			line, _ := json.Marshal(order)
			lines.Write(append(line, '\n'))
		}
		w.Flush()
		fromTable, err := convert(m, "x.csv", table.String())
		if err != nil {
			t.Fatal(err)
		}
		fromJSON, err := convert(m, "x.jsonl", lines.String())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fromTable, fromJSON) {
			t.Fatalf("from the table %q\nfrom JSON      %q", fromTable, fromJSON)
		}
	})
}
