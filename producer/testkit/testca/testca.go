// Package testca is a certificate authority for tests. It and what it signs
// are valid for a day, and nothing of it is kept.
package testca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const valid = 24 * time.Hour

// Authority signs certificates.
type Authority struct {
	// PEM is the authority's own certificate.
	PEM []byte

	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// New makes an authority that nobody knows yet.
func New() *Authority {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-valid), NotAfter: time.Now().Add(valid),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return &Authority{PEM: block("CERTIFICATE", der), key: key, certificate: must(x509.ParseCertificate(der))}
}

// Sign returns a certificate and its key in PEM: for servers on 127.0.0.1 and
// for clients, unless edit, which may be nil, makes it another.
func (a *Authority) Sign(edit func(*x509.Certificate)) (certificate, key []byte) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-valid), NotAfter: time.Now().Add(valid),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(template)
	}
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	der := must(x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key))
	return block("CERTIFICATE", der), block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(private)))
}

// Server is the configuration of a server with a certificate of [Authority.Sign].
func (a *Authority) Server(edit func(*x509.Certificate)) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{must(tls.X509KeyPair(a.Sign(edit)))}}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// must is for what cannot fail with keys and templates of the package's own.
func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("test authority: %v", err))
	}
	return value
}
