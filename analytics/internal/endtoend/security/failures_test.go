package security

import (
	"strings"
	"testing"
	"time"

	"purchases/producer/testkit/testca"
)

// within is how soon a program has to say why it does not get in.
const within = 5 * time.Second

// Each way not to get in is named at once, in one line that says what to do.
func TestFailuresAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config func(*person) string
		want   []string
	}{
		{"wrong password", func(p *person) string {
			return strings.Replace(p.byPassword("PLAIN", admin), password(admin), password("wrong"), 1)
		}, []string{`"admin"`, "PLAIN", "wrong user name or password"}},
		{"wrong password by SCRAM", func(p *person) string {
			return strings.Replace(p.byPassword("SCRAM-SHA-512", admin), password(admin), password("wrong"), 1)
		}, []string{`"admin"`, "SCRAM-SHA-512", "wrong user name or password"}},
		{"unknown user", func(p *person) string { return p.byPassword("SCRAM-SHA-512", "nobody") },
			[]string{`"nobody"`, "wrong user name or password"}},
		{"wrong mechanism", func(p *person) string { return p.byPassword("SCRAM-SHA-256", admin) },
			[]string{"does not offer sasl.mechanism=SCRAM-SHA-256", "it offers", "PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"}},
		{"token refused by its endpoint", func(p *person) string {
			return strings.Replace(p.byToken(admin, audience), password(admin), password("wrong"), 1)
		}, []string{"get a token from http://127.0.0.1", "401", "invalid_client", "sasl.oauthbearer.client.id"}},
		{"token for another cluster", func(p *person) string { return p.byToken(admin, "other-cluster") },
			[]string{"the broker rejected the token", "sasl.oauthbearer.extensions"}},
		{"no login", func(p *person) string {
			return "security.protocol=SSL\nbootstrap.servers=" + p.kafka.Login + "\n" + p.trust()
		}, []string{"requires a login", "security.protocol=SASL_SSL"}},
		{"login where there is none", func(p *person) string {
			return strings.Replace(p.byPassword("PLAIN", admin), "SASL_SSL", "SASL_PLAINTEXT", 1) + at(p.kafka.Bootstrap())
		}, []string{"this listener has no login", "security.protocol=PLAINTEXT"}},
		{"expired certificate", func(p *person) string {
			return "security.protocol=SSL\nbootstrap.servers=" + p.kafka.Expired + "\n" + p.trust()
		}, []string{"expired", "renew the broker's certificate", "clock"}},
		{"unknown authority", func(p *person) string {
			return p.byPassword("PLAIN", admin) + "ssl.ca.pem=" + inline(testca.New().PEM)
		}, []string{"unknown authority", "ssl.ca.location"}},
		{"wrong host name", func(p *person) string { // the certificate is for the address
			return p.byPassword("PLAIN", admin) + at(strings.Replace(p.kafka.Login, "127.0.0.1", "localhost", 1))
		}, []string{"another host name", "localhost"}},
		{"TLS to a plaintext port", func(p *person) string {
			return "security.protocol=SSL\nbootstrap.servers=" + p.kafka.Bootstrap()
		}, []string{"does not use TLS", "security.protocol=PLAINTEXT"}},
		{"login over TLS to a plaintext port",
			func(p *person) string { return p.byPassword("PLAIN", admin) + at(p.kafka.Bootstrap()) },
			[]string{"does not use TLS", "security.protocol=SASL_PLAINTEXT"}},
		{"plaintext to a TLS port", func(p *person) string { return "bootstrap.servers=" + p.kafka.Expired },
			[]string{"uses TLS on this port", "security.protocol=SSL"}},
		{"plaintext to a port for mutual TLS", func(p *person) string { return "bootstrap.servers=" + p.kafka.Mutual },
			[]string{"uses TLS on this port", "security.protocol=SSL"}},
		{"login in plaintext to a TLS port", func(p *person) string {
			return strings.Replace(p.byPassword("PLAIN", admin), "SASL_SSL", "SASL_PLAINTEXT", 1)
		}, []string{"uses TLS on this port", "security.protocol=SASL_SSL"}},
		{"no client certificate", func(p *person) string {
			return "security.protocol=SSL\nbootstrap.servers=" + p.kafka.Mutual + "\n" + p.trust()
		}, []string{"requires a client certificate", "ssl.certificate.location"}},
		{"client certificate of another authority", func(p *person) string {
			certificate, key := testca.New().Sign(named(admin))
			return p.byCertificate(admin) + "ssl.certificate.pem=" + inline(certificate) + "\nssl.key.pem=" + inline(key)
		}, []string{"rejected this client's certificate"}},
		{"expired client certificate", func(p *person) string {
			certificate, key := p.authority.Sign(expired)
			return p.byCertificate(admin) + "ssl.certificate.pem=" + inline(certificate) + "\nssl.key.pem=" + inline(key)
		}, []string{"this client's certificate expired on ", "renew the certificate in ssl.certificate.location"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPerson(t, "")
			p.configure(tt.config(p))
			for _, program := range programs {
				began := time.Now()
				o := p.run(program, "check")
				took := time.Since(began)
				if o.code != 1 || took > within {
					t.Errorf("%s check: exit %d after %s", program, o.code, took)
				}
				for _, want := range append(tt.want, "connect to Kafka at ") {
					if !strings.Contains(o.stderr, want) {
						t.Errorf("%s check does not say %q: %s", program, want, o.stderr)
					}
				}
				t.Logf("%.1fs %s", took.Seconds(), o.stderr)
			}
		})
	}
}

// at overrides the address that was set before.
func at(address string) string { return "bootstrap.servers=" + address + "\n" }

func inline(pem []byte) string { return strings.ReplaceAll(string(pem), "\n", "\\n") }
