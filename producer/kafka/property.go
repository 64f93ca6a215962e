package kafka

import (
	"slices"
	"strings"
)

// use is what the programs do with a property of a client's configuration.
type use int

const (
	// honoured properties take effect.
	honoured use = iota
	// fixed properties are part of a guarantee: a value that says what the
	// programs do anyway is accepted, any other is refused.
	fixed
	// ignored properties have no effect, and a warning says so.
	ignored
	// refused properties have no value that the guarantees allow.
	refused
)

// property is a line of the one table that decides about all properties.
type property struct {
	name    string
	aliases []string
	use     use
	secret  bool
	values  []string // of a fixed property: those that are accepted
	note    string   // what it does, or why it is not taken
}

// known are all properties that the programs know, in the spellings of Java's clients and of
// librdkafka. docs/kafka.md shows the same table; a test compares the two.
func known() []property {
	return slices.Concat(connectionProperties(), saslProperties(), tlsProperties(), registryProperties(),
		guaranteeProperties(), ignoredProperties())
}

func connectionProperties() []property {
	return []property{
		{name: "bootstrap.servers", aliases: []string{"metadata.broker.list"},
			note: "brokers to contact first, `host:port,...`"},
		{name: "client.id", note: "identifies the program in broker logs and quotas; default: the program's name"},
		{name: "client.rack", note: "reads from a replica in this rack, if the cluster allows it"},
		{name: "security.protocol", note: "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; default `PLAINTEXT`, with " +
			"an API key `SASL_SSL`"},
	}
}

func saslProperties() []property {
	return []property{
		{name: "sasl.mechanism", aliases: []string{"sasl.mechanisms"},
			note: "`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`"},
		{name: "sasl.username", note: "user, or API key"},
		{name: "sasl.password", secret: true, note: "password, or API secret"},
		{name: "sasl.jaas.config", secret: true, note: "user and password, or client id, secret and scope, in Java's syntax"},
		{name: "sasl.oauthbearer.token.endpoint.url",
			note: "token endpoint for the client credentials grant; https, or http on this machine"},
		{name: "sasl.oauthbearer.client.id", aliases: []string{"sasl.oauthbearer.client.credentials.client.id"},
			note: "client id"},
		{name: "sasl.oauthbearer.client.secret", aliases: []string{"sasl.oauthbearer.client.credentials.client.secret"},
			secret: true, note: "client secret"},
		{name: "sasl.oauthbearer.scope", note: "scopes to request, separated by spaces"},
		{name: "sasl.oauthbearer.extensions",
			note: "sent with the token, `key=value,...`; Confluent Cloud needs `logicalCluster` and `identityPoolId`"},
		{name: "sasl.oauthbearer.method", use: fixed, values: []string{"oidc"}, note: "tokens always come from an endpoint"},
		{name: "sasl.oauthbearer.grant.type", use: fixed, values: []string{"client_credentials"},
			note: "no other grant is supported"},
		{name: "sasl.oauthbearer.config", use: refused, secret: true, note: "unsigned tokens are for tests only"},
		{name: "sasl.login.callback.handler.class", use: ignored, note: "a Java class; the programs fetch tokens themselves"},
		{name: "sasl.client.callback.handler.class", use: ignored, note: "a Java class"},
		{name: "sasl.kerberos.service.name", use: ignored, note: "Kerberos is not supported"},
	}
}

func tlsProperties() []property {
	return []property{
		{name: "ssl.ca.location", note: "PEM file of trusted certificate authorities; default: the system's"},
		{name: "ssl.ca.pem", note: "the same, inline"},
		{name: "ssl.truststore.location", note: "the same under Java's name, PEM only"},
		{name: "ssl.truststore.certificates", note: "the same, inline"},
		{name: "ssl.truststore.type", use: fixed, values: []string{"PEM"}, note: "no JKS or PKCS12"},
		{name: "ssl.truststore.password", use: ignored, secret: true, note: "PEM certificates have none"},
		{name: "ssl.certificate.location", note: "PEM file of the client's certificate and its chain, for mutual TLS"},
		{name: "ssl.certificate.pem", note: "the same, inline"},
		{name: "ssl.key.location", note: "PEM file of the client's key"},
		{name: "ssl.key.pem", secret: true, note: "the same, inline"},
		{name: "ssl.key.password", secret: true, note: "password of the key"},
		{name: "ssl.keystore.location", note: "PEM file with both the client's key and its certificates, Java's name"},
		{name: "ssl.keystore.certificate.chain", note: "the client's certificates, inline"},
		{name: "ssl.keystore.key", secret: true, note: "the client's key, inline"},
		{name: "ssl.keystore.type", use: fixed, values: []string{"PEM"}, note: "no JKS or PKCS12"},
		{name: "ssl.keystore.password", use: ignored, secret: true,
			note: "a PEM file has none; set `ssl.key.password` for the key"},
		{name: "ssl.endpoint.identification.algorithm",
			note: "`https` verifies the host name; empty or `none` does not, with a warning"},
		{name: "enable.ssl.certificate.verification",
			note: "`false` accepts any certificate, with a warning; default `true`"},
		{name: "ssl.protocol", use: ignored, note: "TLS 1.3 or 1.2, whichever the broker supports"},
		{name: "ssl.enabled.protocols", use: ignored, note: "TLS 1.3 or 1.2, whichever the broker supports"},
		{name: "ssl.cipher.suites", use: ignored, note: "Go chooses the cipher suites"},
	}
}

func guaranteeProperties() []property {
	return []property{
		{name: "acks", aliases: []string{"request.required.acks"}, use: fixed, values: []string{"all", "-1"},
			note: "fewer acknowledgements could lose acknowledged records"},
		{name: "enable.idempotence", use: fixed, values: []string{"true"},
			note: "otherwise a repeated request would be stored twice"},
		{name: "isolation.level", use: fixed, values: []string{"read_committed"},
			note: "otherwise aborted transactions would be counted"},
		{name: "enable.auto.commit", use: fixed, values: []string{"false"},
			note: "otherwise offsets would get ahead of the work"},
		{name: "enable.auto.offset.store", use: fixed, values: []string{"false"},
			note: "otherwise offsets would get ahead of the work"},
		{name: "auto.offset.reset", use: fixed, values: []string{"earliest", "smallest", "beginning"},
			note: "otherwise events would be skipped; a lost offset is an error"},
		{name: "allow.auto.create.topics", use: fixed, values: []string{"false"}, note: "a misspelt topic would be created"},
		{name: "max.in.flight.requests.per.connection", aliases: []string{"max.in.flight"}, use: fixed,
			values: []string{"1", "2", "3", "4", "5"}, note: "more could break the order; the programs use 1"},
		{name: "transactional.id", use: refused,
			note: "the processor derives it from its group, the topic and the partition"},
		{name: "group.instance.id", use: refused,
			note: "processors with the same identity fence each other; each chooses its own"},
	}
}

func ignoredProperties() []property {
	return []property{
		{name: "group.id", use: ignored, note: "set `--group`"},
		{name: "session.timeout.ms", use: ignored, note: "the processor uses 6 s"},
		{name: "heartbeat.interval.ms", use: ignored, note: "follows from the session timeout"},
		{name: "max.poll.interval.ms", use: ignored, note: "a transaction has its own timeout"},
		{name: "max.poll.records", use: ignored, note: "set `--batch-size`"},
		{name: "compression.type", aliases: []string{"compression.codec"}, use: ignored, note: "the programs use lz4"},
		{name: "linger.ms", aliases: []string{"queue.buffering.max.ms"}, use: ignored, note: "set `--linger`"},
		{name: "batch.size", use: ignored, note: "chosen for throughput"},
		{name: "retries", use: ignored, note: "the programs retry for as long as is safe"},
		{name: "delivery.timeout.ms", aliases: []string{"message.timeout.ms"}, use: ignored, note: "two minutes"},
		{name: "request.timeout.ms", aliases: []string{"socket.timeout.ms"}, use: ignored,
			note: "30 s; 10 s in a transaction"},
		{name: "socket.connection.setup.timeout.ms", use: ignored, note: "5 s"},
		{name: "metadata.max.age.ms", aliases: []string{"topic.metadata.refresh.interval.ms"}, use: ignored, note: "10 s"},
		{name: "client.dns.lookup", use: ignored, note: "every address of a name is tried"},
		{name: "partitioner.class", aliases: []string{"partitioner"}, use: ignored, note: "a hash of the user decides"},
	}
}

// table finds a property by its name or an alias.
func table() map[string]property {
	byName := map[string]property{}
	for _, p := range known() {
		for _, name := range append([]string{p.name}, p.aliases...) {
			byName[name] = p
		}
	}
	return byName
}

// environment is the variable that sets a property.
func environment(name string) string {
	return "KAFKA_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// accepts says whether a fixed property may have the value.
func (p property) accepts(text string) bool {
	return slices.ContainsFunc(p.values, func(v string) bool { return strings.EqualFold(v, text) })
}

// secretName says whether a property that is not in the table sounds like one
// whose value nobody may see.
func secretName(name string) bool {
	return slices.ContainsFunc([]string{"password", "secret", "token", "credential", "api.key", "apikey"},
		func(word string) bool {
			return strings.Contains(strings.ToLower(name), word)
		})
}
