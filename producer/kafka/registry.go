package kafka

import (
	"crypto/tls"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"purchases/producer/cmdline"
)

// Registry says where a schema registry is and how to get in. The zero value is no
// registry.
type Registry struct {
	// URLs are asked one after the other until one answers.
	URLs []string
	// User and Password log in with HTTP's basic authentication, if User is not empty.
	User     string
	Password Secret
	// Token returns a bearer token that is valid at the time, or is nil.
	Token func() (string, error)
	// LogicalCluster and IdentityPool go along with a token, as Confluent Cloud wants them.
	LogicalCluster, IdentityPool string
	// TLS is how to encrypt, for the URLs with https.
	TLS *tls.Config
}

const registryPrefix = "schema.registry."

// registryProperties have the names of Confluent's clients.
func registryProperties() []property {
	all := []property{
		{name: "schema.registry.url", note: "schema registry, `https://host,...`; see docs/schema-registry.md"},
		{name: "basic.auth.credentials.source", aliases: []string{"schema.registry.basic.auth.credentials.source"},
			note: "`USER_INFO`, `URL` or `SASL_INHERIT`: where to find the registry's user and password; default: in " +
				"`basic.auth.user.info` or the URL"},
		{name: "basic.auth.user.info", aliases: []string{"schema.registry.basic.auth.user.info"}, secret: true,
			note: "the registry's `user:password`, or its API key and secret"},
		{name: "bearer.auth.credentials.source", aliases: []string{"schema.registry.bearer.auth.credentials.source"},
			note: "`STATIC_TOKEN`, `OAUTHBEARER` or `SASL_OAUTHBEARER_INHERIT`: where the registry's token comes from"},
		{name: "bearer.auth.token", aliases: []string{"schema.registry.bearer.auth.token"}, secret: true,
			note: "the registry's token"},
	}
	for _, p := range []property{
		{name: "bearer.auth.issuer.endpoint.url", note: "token endpoint for the registry; https, or http on this machine"},
		{name: "bearer.auth.client.id", note: "client id for that endpoint"},
		{name: "bearer.auth.client.secret", secret: true, note: "client secret for that endpoint"},
		{name: "bearer.auth.scope", note: "scopes to request, separated by spaces"},
		{name: "bearer.auth.logical.cluster", note: "the registry's logical cluster, for Confluent Cloud"},
		{name: "bearer.auth.identity.pool.id", note: "identity pool, for Confluent Cloud"},
	} {
		p.aliases = []string{registryPrefix + p.name}
		all = append(all, p)
	}
	for _, p := range tlsProperties() {
		p.name, p.note = registryPrefix+p.name, p.note+" (schema registry)"
		all = append(all, p)
	}
	return all
}

// registry turns the properties into what a connection to the registry needs.
func (v values) registry() (Registry, []string, error) {
	var r Registry
	set := v["schema.registry.url"]
	if set.text == "" {
		return r, nil, nil
	}
	var inURL *url.Userinfo
	for text := range strings.SplitSeq(set.text, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return r, nil, cmdline.Usagef("%s: schema.registry.url: want https://host or http://host:port", set.source)
		}
		if u.User != nil {
			inURL, u.User = u.User, nil
		}
		r.URLs = append(r.URLs, u.String())
	}
	if err := v.registryLogin(&r, inURL); err != nil {
		return r, nil, err
	}
	var warnings []string
	var err error
	r.TLS, warnings, err = v.ofRegistry().tls()
	if r.secret() && !allEncrypted(r.URLs) {
		warnings = append(warnings, "the credentials of the schema registry cross the network in clear text; use https in "+
			"schema.registry.url")
	}
	return r, warnings, err
}

// ofRegistry are the settings of TLS under the names that they have for Kafka.
func (v values) ofRegistry() values {
	own := values{}
	for name, set := range v {
		if name, found := strings.CutPrefix(name, registryPrefix); found {
			own[name] = set
		}
	}
	return own
}

func (r *Registry) secret() bool { return r.User != "" || r.Token != nil }

// allEncrypted says of each URL that it is https or does not leave the machine.
func allEncrypted(urls []string) bool {
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && !loopback([]string{u.Hostname() + ":0"}) {
			return false
		}
	}
	return true
}

func (v values) registryLogin(r *Registry, inURL *url.Userinfo) error {
	if err := v.registryUser(r, inURL); err != nil {
		return err
	}
	r.LogicalCluster, r.IdentityPool = v.text("bearer.auth.logical.cluster"), v.text("bearer.auth.identity.pool.id")
	set := v["bearer.auth.credentials.source"]
	switch strings.ToUpper(set.text) {
	case "", "STATIC_TOKEN":
		if token := v.text("bearer.auth.token"); token != "" {
			r.Token = func() (string, error) { return token, nil }
		} else if set.text != "" {
			return cmdline.Usagef("%s: bearer.auth.credentials.source=STATIC_TOKEN needs bearer.auth.token", set.source)
		}
	case "OAUTHBEARER":
		return v.registryOAuth(r)
	case "SASL_OAUTHBEARER_INHERIT":
		tokens, err := v.oauth()
		if err != nil {
			return err
		}
		r.Token = accessToken(tokens.source)
	default:
		return cmdline.Usagef("%s: bearer.auth.credentials.source=%.60q: want STATIC_TOKEN, OAUTHBEARER or "+
			"SASL_OAUTHBEARER_INHERIT", set.source, set.text)
	}
	return nil
}

func accessToken(source oauth2.TokenSource) func() (string, error) {
	return func() (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", shortError(err)
		}
		return token.AccessToken, nil
	}
}

// registryUser finds the user and the password of basic authentication.
func (v values) registryUser(r *Registry, inURL *url.Userinfo) error {
	set, info := v["basic.auth.credentials.source"], v["basic.auth.user.info"]
	source := strings.ToUpper(set.text)
	switch {
	case source == "USER_INFO" || source == "" && info.text != "":
		user, password, found := strings.Cut(info.text, ":")
		if !found || user == "" {
			return cmdline.Usagef("%s: basic.auth.user.info: want user:password", orDefault(info.source, set.source))
		}
		r.User, r.Password = user, Secret(password)
	case source == "URL" || source == "":
		if inURL != nil {
			password, _ := inURL.Password()
			r.User, r.Password = inURL.Username(), Secret(password)
		}
	case source == "SASL_INHERIT":
		r.User, r.Password = v.text("sasl.username"), Secret(v.text("sasl.password"))
		if r.User == "" {
			return cmdline.Usagef("%s: basic.auth.credentials.source=SASL_INHERIT needs sasl.username and sasl.password",
				set.source)
		}
	default:
		return cmdline.Usagef("%s: basic.auth.credentials.source=%.60q: want USER_INFO, URL or SASL_INHERIT", set.source,
			set.text)
	}
	return nil
}

// registryOAuth fetches tokens as the connection to Kafka does, with the
// registry's own client.
func (v values) registryOAuth(r *Registry) error {
	own := values{}
	for _, name := range []string{"client.id", "client.secret", "scope"} {
		own["sasl.oauthbearer."+name] = v["bearer.auth."+name]
	}
	own["sasl.oauthbearer.token.endpoint.url"] = v["bearer.auth.issuer.endpoint.url"]
	for _, name := range []string{"issuer.endpoint.url", "client.id", "client.secret"} {
		if v.text("bearer.auth."+name) == "" {
			return cmdline.Usagef("bearer.auth.credentials.source=OAUTHBEARER needs bearer.auth.%s", name)
		}
	}
	tokens, err := own.oauth()
	if err != nil {
		return err
	}
	r.Token = accessToken(tokens.source)
	return nil
}
