package purchase

import (
	"crypto/sha256"
	"strconv"

	"github.com/google/uuid"
)

// namespace separates the project's version 5 UUIDs from all others.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("purchases"))

// derivedVersion is the version of derived ids: a UUID of custom content.
const derivedVersion = 8

// ID is the 16-byte form of an event_id: the id itself if it is a UUID in its
// canonical 36 characters, otherwise the version 5 UUID of its text.
func ID[T string | []byte](eventID T) uuid.UUID {
	if id, ok := canonical(eventID); ok {
		return id
	}
	return TextID(eventID)
}

// TextID is the version 5 UUID of a text, even if the text is a UUID.
func TextID[T string | []byte](text T) uuid.UUID { return uuid.NewSHA1(namespace, []byte(text)) }

func canonical[T string | []byte](text T) (uuid.UUID, bool) {
	if len(text) != 36 {
		return uuid.UUID{}, false
	}
	id, err := uuid.ParseBytes([]byte(text))
	return id, err == nil
}

// DerivedID is the identity of an event without event_id, derived from its
// position. Each position has its own. The topic is given by its id (KIP-516),
// because a topic that was deleted and created again keeps its name but has other
// records. The result is a UUID of version 8, which [ClaimedID] never returns.
func DerivedID(topicID string, partition int32, offset int64) uuid.UUID {
	var space [64]byte
	b := append(append(space[:0], topicID...), '/')
	b = strconv.AppendInt(b, int64(partition), 10)
	b = strconv.AppendInt(append(b, '/'), offset, 10)
	sum := sha256.Sum256(b)
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | derivedVersion<<4
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id
}

// ClaimedID is the event_id under which an event with this id counts. It is the
// id itself, except for a UUID of version 8, which is replaced by the version 5
// UUID of its text. So nobody can occupy a derived id before its event does.
func ClaimedID(eventID string) string {
	if id, ok := canonical(eventID); ok && id.Version() == derivedVersion {
		return TextID(eventID).String()
	}
	return eventID
}
