package rows

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
)

const (
	asCSV  = "open it in a spreadsheet and save the sheet as CSV"
	unpack = "unpack it first"
)

// binaries are the files that people take for tables, by their first bytes.
var binaries = []struct{ magic, what, remedy string }{
	{"PK\x05\x06", "an empty zip archive", "look for the file that was meant"},
	{"%PDF", "a PDF document", "ask its source for CSV or JSON"},
	{"SQLite format 3\x00", "a SQLite database", "export the table with `sqlite3 -csv -header FILE 'SELECT ...'`"},
	{"\xfd7zXZ\x00", "an xz file", "pipe it in with `xz -dc FILE | producer import -`"},
	{"BZh", "a bzip2 file", "pipe it in with `bzip2 -dc FILE | producer import -`"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", unpack},
	{"Rar!\x1a\x07", "a RAR archive", unpack},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls) or another Office document", asCSV},
	{"PAR1", "a Parquet file", "export it as CSV or JSON lines"},
	{"Obj\x01", "an Avro file", "export it as JSON lines"},
	{"ORC", "an ORC file", "export it as CSV or JSON lines"},
	{"\x04\x22\x4d\x18", "an lz4 file", "pipe it in with `lz4 -dc FILE | producer import -`"},
	{"\x1f\x9d", "a file of compress (.Z)", "pipe it in with `zcat FILE | producer import -`"},
	{"\x1f\x8b", "a gzip file inside a compressed file", "unpack it once"},
	{"\x28\xb5\x2f\xfd", "a Zstandard file inside a compressed file", "unpack it once"},
	{"\x89PNG", "a picture", "export the table itself as CSV"},
	{"\xff\xd8\xff", "a picture", "export the table itself as CSV"},
	{"GIF8", "a picture", "export the table itself as CSV"},
	{"{\\rtf", "a rich text document", "save it as plain text"},
}

// refuseBinary names a file that is no text for what it is.
func refuseBinary(head []byte, enc encoding.Encoding) error {
	for _, b := range binaries {
		if bytes.HasPrefix(head, []byte(b.magic)) {
			return fmt.Errorf("is %s, not a table or JSON; %s", b.what, b.remedy)
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return refuseZip(head)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return fmt.Errorf("is a tar archive, not a table or JSON; %s", unpack)
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		return refuseMarkup(head)
	case enc == nil && bytes.IndexByte(head, 0) >= 0:
		return refuseZeros(head)
	}
	return nil
}

func refuseZip(head []byte) error {
	what, remedy := "a zip archive", unpack
	for _, office := range []struct{ mark, what string }{
		{"xl/", "an Excel workbook (.xlsx)"},
		{"[Content_Types].xml", "an Office document such as an Excel workbook (.xlsx)"},
		{"opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)"},
		{"Index/Document.iwa", "a Numbers spreadsheet"},
	} {
		if bytes.Contains(head, []byte(office.mark)) {
			what, remedy = office.what, asCSV
			break
		}
	}
	return fmt.Errorf("is %s, not a table or JSON; %s", what, remedy)
}

func refuseMarkup(head []byte) error {
	start := strings.ToLower(string(head[:min(len(head), 512)]))
	if strings.Contains(start, "<html") || strings.Contains(start, "<!doctype html") {
		return fmt.Errorf("is a web page (HTML), not a table or JSON; the download may have asked for a login")
	}
	return fmt.Errorf("is XML, not a table or JSON; export it as CSV")
}

// refuseZeros tells UTF-16 without its mark, in which half of the bytes of a
// Latin text are zero, from what is no text at all.
func refuseZeros(head []byte) error {
	var even, odd int
	for i, c := range head {
		if c == 0 && i%2 == 0 {
			even++
		} else if c == 0 {
			odd++
		}
	}
	switch half := len(head) / 2; {
	case odd > half*3/4 && even == 0:
		return fmt.Errorf("is UTF-16 without a byte order mark; give --encoding utf-16le")
	case even > half*3/4 && odd == 0:
		return fmt.Errorf("is UTF-16 without a byte order mark; give --encoding utf-16be")
	}
	return fmt.Errorf("is binary, not a table or JSON; export it as CSV or JSON lines")
}
