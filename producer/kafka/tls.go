package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/youmark/pkcs8"

	"purchases/producer/cmdline"
)

// tls returns the configuration of TLS, and warnings where it is weakened.
func (v values) tls() (*tls.Config, []string, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	authorities, source, err := v.pem("ssl.ca.pem", "ssl.truststore.certificates", "ssl.ca.location",
		"ssl.truststore.location")
	if err != nil {
		return nil, nil, err
	}
	if authorities != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, nil, cmdline.Usagef("%s: no certificate in PEM; convert a JKS or PKCS12 truststore with keytool "+
				"-exportcert -rfc", source)
		}
	}
	if err := v.addClientCertificate(config); err != nil {
		return nil, nil, err
	}
	warnings, err := v.relaxVerification(config)
	return config, warnings, err
}

// pem returns the text of the first of the properties that is set, from its
// file where the property is a location.
func (v values) pem(names ...string) (text []byte, source string, err error) {
	for _, name := range names {
		set := v[name]
		switch {
		case set.text == "" || set.text == "probe": // librdkafka's word for the system's authorities
		case !strings.HasSuffix(name, ".location"):
			return lines(set.text), set.source + ": " + name, nil
		default:
			text, err := os.ReadFile(set.text)
			if err != nil {
				return nil, "", fmt.Errorf("%s: %s: %w", set.source, name, err)
			}
			return text, set.source + ": " + name + "=" + set.text, nil
		}
	}
	return nil, "", nil
}

// lines undoes what happens to inline PEM: all on one line, or with \n in
// letters, as in a variable of the environment.
func lines(text string) []byte {
	text = strings.ReplaceAll(text, `\n`, "\n")
	block := regexp.MustCompile(`(?s)(-----BEGIN [A-Z0-9 ]+-----)\s*(.*?)\s*(-----END [A-Z0-9 ]+-----)`)
	return []byte(block.ReplaceAllString(text, "$1\n$2\n$3\n"))
}

// addClientCertificate adds the certificate and key of mutual TLS.
func (v values) addClientCertificate(config *tls.Config) error {
	chain, chainSource, err := v.pem("ssl.certificate.pem", "ssl.keystore.certificate.chain", "ssl.certificate.location",
		"ssl.keystore.location")
	if err != nil {
		return err
	}
	key, keySource, err := v.pem("ssl.key.pem", "ssl.keystore.key", "ssl.key.location", "ssl.keystore.location")
	if err != nil {
		return err
	}
	switch {
	case chain == nil && key == nil:
		return nil
	case key == nil:
		return cmdline.Usagef("%s: the client's key is missing; set ssl.key.location", chainSource)
	case chain == nil:
		return cmdline.Usagef("%s: the client's certificate is missing; set ssl.certificate.location", keySource)
	}
	if key, err = decrypt(key, v.text("ssl.key.password")); err != nil {
		return cmdline.Usagef("%s: %v", keySource, err)
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return cmdline.Usagef("%s, %s: %v", chainSource, keySource, err)
	}
	config.Certificates = []tls.Certificate{certificate}
	return nil
}

// decrypt returns the key in a form that crypto/tls reads. Other blocks in the
// same text are left out.
func decrypt(text []byte, password string) ([]byte, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the key uses an outdated encryption; convert it with openssl pkcs8 -topk8")
		}
		if block.Type != "ENCRYPTED PRIVATE KEY" {
			continue
		}
		if password == "" {
			return nil, errors.New("the key is encrypted; set ssl.key.password in the file, or KAFKA_SSL_KEY_PASSWORD")
		}
		key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password))
		if err != nil {
			return nil, errors.New("the key cannot be decrypted; check ssl.key.password")
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
	}
	return text, nil
}

// relaxVerification leaves out checks that the user has explicitly given up.
func (v values) relaxVerification(config *tls.Config) ([]string, error) {
	verify := v["enable.ssl.certificate.verification"]
	switch strings.ToLower(verify.text) {
	case "", "true":
	case "false":
		config.InsecureSkipVerify = true
		return []string{"enable.ssl.certificate.verification=false: any server can pass for the broker and read the " +
			"credentials"}, nil
	default:
		return nil, cmdline.Usagef("%s: enable.ssl.certificate.verification=%s: want true or false", verify.source,
			verify.text)
	}
	algorithm := v["ssl.endpoint.identification.algorithm"]
	switch strings.ToLower(algorithm.text) {
	case "https":
		return nil, nil
	case "none", "":
		if !v.has("ssl.endpoint.identification.algorithm") {
			return nil, nil
		}
		config.InsecureSkipVerify = true // VerifyConnection does all but the name
		config.VerifyConnection = verifyChain(config.RootCAs)
		return []string{"ssl.endpoint.identification.algorithm is empty: any server with a certificate of a trusted " +
			"authority can pass for the broker"}, nil
	}
	return nil, cmdline.Usagef("%s: ssl.endpoint.identification.algorithm=%s: want https or none", algorithm.source,
		algorithm.text)
}

// verifyChain checks a server's certificate, but not its name.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, certificate := range state.PeerCertificates[1:] {
			between.AddCert(certificate)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}
