package kafka_test

import (
	"strings"
	"testing"
)

func TestRegistrySettings(t *testing.T) {
	const url = "schema.registry.url=https://registry.example\n"
	for lines, want := range map[string]struct{ user, password, token string }{
		url:                                    {},
		url + "basic.auth.user.info=key:a:b\n": {user: "key", password: "a:b"},
		"schema.registry.url=https://key:word@registry.example\nbasic.auth.credentials.source=URL\n":                                           {user: "key", password: "word"},
		url + "schema.registry.basic.auth.credentials.source=USER_INFO\nschema.registry.basic.auth.user.info=key:word\n":                       {user: "key", password: "word"},
		url + "basic.auth.credentials.source=SASL_INHERIT\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=p": {user: "u", password: "p"},
		url + "bearer.auth.credentials.source=STATIC_TOKEN\nbearer.auth.token=hidden-1\nbearer.auth.logical.cluster=lsrc-1\n":                  {token: "hidden-1"},
	} {
		s, stderr, err := read(t, lines)
		r := s.Registry
		if err != nil || len(r.URLs) != 1 || r.URLs[0] != "https://registry.example" || stderr != "" {
			t.Errorf("%s: %v, %v, %s", lines, r.URLs, err, stderr)
			continue
		}
		token := ""
		if r.Token != nil {
			token, err = r.Token()
		}
		if err != nil || r.User != want.user || string(r.Password) != want.password || token != want.token {
			t.Errorf("%s: user %q, password %q, token %q, %v", lines, r.User, string(r.Password), token, err)
		}
	}
}

func TestWrongRegistrySettings(t *testing.T) {
	const url = "schema.registry.url=https://registry.example\n"
	for lines, want := range map[string]string{
		"schema.registry.url=registry.example":                         "want https://host",
		url + "basic.auth.user.info=hidden-1":                          "want user:password",
		url + "basic.auth.credentials.source=OTHER":                    "want USER_INFO, URL or SASL_INHERIT",
		url + "basic.auth.credentials.source=SASL_INHERIT":             "needs sasl.username",
		url + "bearer.auth.credentials.source=STATIC_TOKEN":            "needs bearer.auth.token",
		url + "bearer.auth.credentials.source=OAUTHBEARER":             "needs bearer.auth.issuer.endpoint.url",
		url + "schema.registry.ssl.ca.location=/no/such/file":          "ssl.ca.location",
		url + "schema.registry.ssl.truststore.type=JKS":                "no JKS or PKCS12",
		"schema.registry.url=https://registry.example,ftp://elsewhere": "want https://host",
	} {
		_, stderr, err := read(t, lines)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error()+stderr, "hidden") {
			t.Errorf("%s: %v, want %q", lines, err, want)
		}
	}
}
