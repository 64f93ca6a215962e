package preflight

import (
	"context"
	"fmt"

	"purchases/producer/kafka"
	"purchases/producer/registry"
)

// addRegistry asks the schema registry for the subject of the first topic, if a
// registry is configured.
func (r *Report) addRegistry(ctx context.Context, settings kafka.Settings) {
	topics := topicsOf(r.Needs)
	if len(settings.Registry.URLs) == 0 || len(topics) == 0 {
		return
	}
	client, err := registry.Open(settings.Registry)
	if err != nil {
		r.Problems = append(r.Problems, err)
		return
	}
	subject := registry.Subject(topics[0])
	standing, err := client.Stand(ctx, subject)
	switch {
	case err != nil:
		r.Registry = "no answer, see below"
		r.Problems = append(r.Problems, err)
	case standing.Version == 0:
		r.Registry = fmt.Sprintf("%s is not registered", subject)
	default:
		r.Registry = fmt.Sprintf("%s version %d, %v, compatibility %v", subject, standing.Version, standing.Type,
			standing.Compatibility)
	}
	if standing.Refused != nil { // a writer of another schema may be right
		r.Notes = append(r.Notes, standing.Refused)
	}
}
