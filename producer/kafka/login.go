package kafka

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/IBM/sarama"

	"purchases/producer/cmdline"
)

// settings turns the properties into what a connection needs.
func (v values) settings() (Settings, []string, error) {
	s := Settings{ClientID: v.text("client.id"), Rack: v.text("client.rack")}
	var err error
	if s.Bootstrap, err = brokers(v["bootstrap.servers"]); err != nil {
		return s, nil, err
	}
	if err := v.expandJAAS(); err != nil {
		return s, nil, err
	}
	protocol, err := v.protocol()
	if err != nil {
		return s, nil, err
	}
	var warnings []string
	if strings.HasSuffix(protocol, "SSL") {
		if s.TLS, warnings, err = v.tls(); err != nil {
			return s, nil, err
		}
	}
	if strings.HasPrefix(protocol, "SASL") {
		if s.SASL, err = v.sasl(); err != nil {
			return s, nil, err
		}
		if s.TLS == nil && s.SASL.Mechanism == sarama.SASLTypePlaintext && !loopback(s.bootstrap()) {
			warnings = append(warnings, "the password crosses the network in clear text; use security.protocol=SASL_SSL")
		}
	}
	var more []string
	s.Registry, more, err = v.registry()
	return s, append(warnings, more...), err
}

// brokers splits a list and checks each address. Java allows a listener's name
// before it, as in SASL_SSL://host:port, which says nothing to a client.
func brokers(list value) ([]string, error) {
	if list.text == "" {
		return nil, nil
	}
	var addresses []string
	for address := range strings.SplitSeq(list.text, ",") {
		address = strings.TrimSpace(address)
		if _, after, found := strings.Cut(address, "://"); found {
			address = after
		}
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, cmdline.Usagef("%s: broker %q: want host:port", list.source, address)
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

func loopback(addresses []string) bool {
	for _, address := range addresses {
		host, _, _ := net.SplitHostPort(address)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// protocol is security.protocol. Credentials that it would not use are an
// error: the broker's answer to a client that does not log in is no answer.
func (v values) protocol() (string, error) {
	set := v["security.protocol"]
	protocol := strings.ToUpper(set.text)
	if protocol == "" && v["sasl.username"].source == apiKey {
		protocol = "SASL_SSL"
	}
	switch protocol {
	case "SASL_SSL", "SASL_PLAINTEXT":
		return protocol, nil
	case "", "PLAINTEXT", "SSL":
	default:
		return "", cmdline.Usagef("%s: security.protocol=%s: want PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", set.source,
			set.text)
	}
	for _, name := range []string{"sasl.username", "sasl.password", "sasl.oauthbearer.client.id"} {
		if v.has(name) {
			return "", cmdline.Usagef("%s: %s is not used with security.protocol=%s; set SASL_SSL", v[name].source, name,
				orDefault(protocol, "PLAINTEXT"))
		}
	}
	return orDefault(protocol, "PLAINTEXT"), nil
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (v values) sasl() (SASL, error) {
	mechanism := sarama.SASLMechanism(strings.ToUpper(v.text("sasl.mechanism")))
	if mechanism == "" && v["sasl.username"].source == apiKey {
		mechanism = sarama.SASLTypePlaintext
	}
	switch mechanism {
	case sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		if v.text("sasl.username") == "" || v.text("sasl.password") == "" {
			return SASL{}, cmdline.Usagef("sasl.mechanism=%s needs sasl.username and sasl.password; put them into a file for "+
				"--kafka-config, or into %s and %s",
				mechanism, environment("sasl.username"), environment("sasl.password"))
		}
		return SASL{Mechanism: mechanism, Username: v.text("sasl.username"), Password: Secret(v.text("sasl.password"))}, nil
	case sarama.SASLTypeOAuth:
		tokens, err := v.oauth()
		return SASL{Mechanism: mechanism, Tokens: tokens}, err
	case "":
		return SASL{}, cmdline.Usagef("security.protocol asks for SASL: set sasl.mechanism to PLAIN, SCRAM-SHA-256, " +
			"SCRAM-SHA-512 or OAUTHBEARER")
	}
	return SASL{}, cmdline.Usagef("%s: sasl.mechanism=%s is not supported; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or "+
		"OAUTHBEARER",
		v["sasl.mechanism"].source, mechanism)
}

// expandJAAS takes credentials out of Java's spelling, such as
//
//	org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";
//
// The properties that say the same come first.
func (v values) expandJAAS() error {
	jaas := v["sasl.jaas.config"]
	if strings.TrimSpace(jaas.text) == "" {
		return nil
	}
	options, err := jaasOptions(jaas.text)
	if err != nil {
		return cmdline.Usagef("%s: sasl.jaas.config: %v", jaas.source, err)
	}
	names := map[string]string{
		"username": "sasl.username", "password": "sasl.password",
		"clientId": "sasl.oauthbearer.client.id", "clientSecret": "sasl.oauthbearer.client.secret",
		"scope": "sasl.oauthbearer.scope",
	}
	var extensions []string
	for option, text := range options {
		if name := names[option]; name != "" && !v.has(name) {
			v[name] = value{text: text, source: jaas.source}
		}
		if key, found := strings.CutPrefix(option, "extension_"); found {
			extensions = append(extensions, key+"="+text)
		}
	}
	if len(extensions) > 0 && !v.has("sasl.oauthbearer.extensions") {
		v["sasl.oauthbearer.extensions"] = value{text: strings.Join(extensions, ","), source: jaas.source}
	}
	return nil
}

// jaasOptions reads the options of the one login module. Its errors do not
// quote the text: it holds a password.
func jaasOptions(text string) (map[string]string, error) {
	module := regexp.MustCompile(`^\s*([\w.$]+)\s+(?i:required|requisite|sufficient|optional)\b(.*?);?\s*$`).
		FindStringSubmatch(strings.ReplaceAll(text, "\n", " "))
	if module == nil {
		return nil, fmt.Errorf(`want a login module, as in PlainLoginModule required username="..." password="...";`)
	}
	option := regexp.MustCompile(`^\s*([\w.]+)\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"';]+)`)
	escaped := regexp.MustCompile(`\\(.)`)
	options, rest := map[string]string{}, module[2]
	for strings.TrimSpace(rest) != "" {
		found := option.FindStringSubmatch(rest)
		if found == nil {
			return nil, fmt.Errorf("after %d options: want key=\"value\"", len(options))
		}
		text := found[2]
		if text[0] == '"' || text[0] == '\'' {
			text = escaped.ReplaceAllString(text[1:len(text)-1], "$1")
		}
		options[found[1]], rest = text, rest[len(found[0]):]
	}
	return options, nil
}
