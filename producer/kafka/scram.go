package kafka

import (
	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// conversation is one login by SCRAM (RFC 5802), in the form that sarama asks for.
type conversation struct {
	mechanism sarama.SASLMechanism
	*scram.ClientConversation
}

func (c *conversation) Begin(user, password, authorization string) error {
	hash := scram.SHA256
	if c.mechanism == sarama.SASLTypeSCRAMSHA512 {
		hash = scram.SHA512
	}
	client, err := hash.NewClient(user, password, authorization)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}
