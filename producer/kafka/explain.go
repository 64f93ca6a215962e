package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// explain turns what went wrong into what is wrong and what to do. Where the
// error alone does not say, it asks the broker in other ways.
func (s Settings) explain(ctx context.Context, address string, at stage, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case at == dialling:
		return explainDial(address, err)
	case at == encrypting:
		return s.explainTLS(ctx, address, err)
	case refusedByPeer(err): // TLS 1.3 refuses a client's certificate only now
		return s.explainAlert(err)
	}
	return s.explainAnswer(ctx, address, err)
}

func explainDial(address string, err error) error {
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("%w; the name %s does not exist, check --bootstrap-servers", err, name.Name)
	case errors.As(err, &name):
		return fmt.Errorf("%w; DNS cannot resolve %s at the moment, check the network", err, name.Name)
	case timedOut(err):
		return fmt.Errorf("%w; no answer, check the address and any firewall in between", err)
	case loopback([]string{address}):
		return fmt.Errorf("%w; start one with `producer broker`, or name yours with --bootstrap-servers", err)
	}
	return fmt.Errorf("%w; check host and port in --bootstrap-servers", err)
}

func (s Settings) explainTLS(ctx context.Context, address string, err error) error {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w; set ssl.ca.location to the authority that signed the broker's certificate", err)
	case errors.As(err, &host):
		return fmt.Errorf("the broker's certificate is for another host name: %w; connect with a name that the certificate "+
			"contains", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("%w; renew the broker's certificate, or correct this machine's clock (%s)",
			err, time.Now().UTC().Format(time.RFC3339))
	case refusedByPeer(err):
		return s.explainAlert(err)
	case errors.As(err, &record), timedOut(err), errors.Is(err, io.EOF), connectionBroken(err):
		if speaksPlain(ctx, address) {
			return fmt.Errorf("the broker does not use TLS on this port; set security.protocol=%s, or use its TLS port",
				s.protocol(false, s.SASL.Mechanism != ""))
		}
		return fmt.Errorf("TLS handshake: %w; is this the broker's TLS port?", err)
	}
	return fmt.Errorf("TLS handshake: %w", err)
}

// explainAlert is about a handshake that the broker refused.
func (s Settings) explainAlert(err error) error {
	if len(s.TLS.Certificates) == 0 {
		return fmt.Errorf("the broker requires a client certificate: %w; set ssl.certificate.location and ssl.key.location",
			err)
	}
	if until := s.TLS.Certificates[0].Leaf.NotAfter; time.Now().After(until) {
		return fmt.Errorf("this client's certificate expired on %s: %w; renew the certificate in ssl.certificate.location",
			until.UTC().Format(time.RFC3339), err)
	}
	return fmt.Errorf("the broker rejected this client's certificate or TLS version: %w; check ssl.certificate.location",
		err)
}

// explainAnswer is about a broker that was reached, and did not let us in.
func (s Settings) explainAnswer(ctx context.Context, address string, err error) error {
	var token *tokenError
	switch {
	case errors.As(err, &token):
		return err
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return s.wrongMechanism(ctx, address)
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return fmt.Errorf("this listener has no login; set security.protocol=%s, or use its SASL port",
			s.protocol(s.TLS != nil, false))
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return s.wrongCredentials(err)
	}
	encrypted := make(chan bool, 1)
	go func() { encrypted <- s.TLS == nil && speaksTLS(ctx, address) }()
	var cause error
	if !timedOut(err) { // a broker that wants another login ends the connection; silence says nothing of it
		cause = s.suspectLogin(ctx, address, err)
	}
	if <-encrypted {
		return fmt.Errorf("the broker uses TLS on this port; set security.protocol=%s",
			s.protocol(true, s.SASL.Mechanism != ""))
	}
	if cause != nil {
		return cause
	}
	if timedOut(err) {
		return fmt.Errorf("the address accepts connections but does not answer as a Kafka broker within %s: %w",
			answerTimeout, err)
	}
	return fmt.Errorf("the address accepts connections but does not answer as a Kafka broker: %w", err)
}

// suspectLogin looks for the cause of a connection that just ended. It returns
// nil when logging in is not it.
func (s Settings) suspectLogin(ctx context.Context, address string, err error) error {
	if s.SASL.Mechanism == "" {
		mechanisms, _, asked := s.offered(ctx, address, "NONE")
		if asked != nil || len(mechanisms) == 0 {
			return nil
		}
		return fmt.Errorf("the broker requires a login with %s; set security.protocol=%s, sasl.mechanism and the credentials",
			strings.Join(mechanisms, " or "), s.protocol(s.TLS != nil, true))
	}
	_, taken, asked := s.offered(ctx, address, s.SASL.Mechanism)
	switch {
	case asked != nil:
		return nil
	case !taken:
		return s.wrongMechanism(ctx, address)
	}
	return s.wrongCredentials(err)
}

func (s Settings) wrongMechanism(ctx context.Context, address string) error {
	mechanisms, _, err := s.offered(ctx, address, "NONE")
	if err != nil || len(mechanisms) == 0 {
		return fmt.Errorf("the broker does not offer sasl.mechanism=%s: %w", s.SASL.Mechanism,
			sarama.ErrUnsupportedSASLMechanism)
	}
	return fmt.Errorf("the broker does not offer sasl.mechanism=%s, it offers %s: %w",
		s.SASL.Mechanism, strings.Join(mechanisms, ", "), sarama.ErrUnsupportedSASLMechanism)
}

func (s Settings) wrongCredentials(err error) error {
	if s.SASL.Tokens != nil {
		return fmt.Errorf("the broker rejected the token: %w; check the client id, the scope and sasl.oauthbearer.extensions",
			err)
	}
	return fmt.Errorf("the broker rejected user %q (%s): wrong user name or password: %w", s.SASL.Username,
		s.SASL.Mechanism, err)
}

// protocol is the security.protocol for a combination.
func (Settings) protocol(encrypted, login bool) string {
	switch {
	case encrypted && login:
		return "SASL_SSL"
	case encrypted:
		return "SSL"
	case login:
		return "SASL_PLAINTEXT"
	}
	return "PLAINTEXT"
}

// connectionBroken says whether the other side broke the connection off.
func connectionBroken(err error) bool {
	var broken *net.OpError
	return errors.As(err, &broken) && broken.Op != "remote error"
}
