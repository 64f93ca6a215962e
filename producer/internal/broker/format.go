package broker

import (
	"encoding/binary"
	"hash/crc32"
)

// The formats of kfake's files. groups.log and pids.log are a row of entries:
//
//	length uint32, CRC-32C uint32, version uint16, JSON object
//
// in little-endian order; length and CRC cover the version and the JSON. A
// segment (*.dat) is a row of Kafka record batches as the protocol has them. The
// index beside it (*.idx) has a line of fixed size for each batch, which says
// nothing that the batch does not say.
const (
	entryHead  = 8
	entryLeast = entryHead + 4 // with a version and {}
	batchHead  = 12            // offset and length, which the length does not count
	batchLeast = 61            // of a batch without records
	indexLine  = 15
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// entrySize is the size of the whole log entry that b begins with, or 0.
func entrySize(b []byte) int {
	if len(b) < entryLeast || b[entryHead+2] != '{' {
		return 0
	}
	size := entryHead + int(binary.LittleEndian.Uint32(b))
	if size < entryLeast || size > len(b) || checksum(b[entryHead:size]) != binary.LittleEndian.Uint32(b[4:]) {
		return 0
	}
	return size
}

// batchSize is the size of the whole record batch that b begins with, or 0.
func batchSize(b []byte) int {
	if len(b) < batchLeast || b[16] != 2 { // the version of the format
		return 0
	}
	size := batchHead + int(binary.BigEndian.Uint32(b[8:]))
	if size < batchLeast || size > len(b) || checksum(b[21:size]) != binary.BigEndian.Uint32(b[17:]) {
		return 0
	}
	return size
}

// indexOf makes the line of the index for a batch.
func indexOf(b []byte) []byte {
	const transactional, control = 0x10, 0x20
	line := make([]byte, indexLine)
	line[0] = 1                                                              // the version of the format
	binary.LittleEndian.PutUint32(line[2:], binary.BigEndian.Uint32(b[12:])) // leader epoch
	binary.LittleEndian.PutUint64(line[6:], binary.BigEndian.Uint64(b[35:])) // latest timestamp
	if b[22]&(transactional|control) == transactional {
		line[14] = 1
	}
	line[1] = byte(checksum(line[2:]))
	return line
}

// isIndexLine says whether the line's checksum is right.
func isIndexLine(line []byte) bool { return byte(checksum(line[2:])) == line[1] }

// span is a range of bytes of a file.
type span struct{ from, to int }

// split returns what of b belongs to whole parts, whose sizes the function
// tells, and what does not.
func split(b []byte, size func([]byte) int) (whole, torn []span) {
	for at := 0; at < len(b); {
		if n := size(b[at:]); n > 0 {
			whole = append(whole, span{at, at + n})
			at += n
			continue
		}
		from := at
		for at++; at < len(b) && size(b[at:]) == 0; at++ {
		}
		torn = append(torn, span{from, at})
	}
	return whole, torn
}
