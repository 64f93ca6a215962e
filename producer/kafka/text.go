package kafka

// Text is a key or value of a message. A pointer to it is a sarama.Encoder that
// takes no memory of its own, for those who make many messages.
type Text []byte

// Encode returns the text.
func (t *Text) Encode() ([]byte, error) { return *t, nil }

// Length is the number of bytes.
func (t *Text) Length() int { return len(*t) }
