package openapi

func responses() object {
	busy := problem("Too many queries are running, or this one took too long")
	busy["headers"] = object{"Retry-After": object{"description": "Seconds", "schema": object{"type": "integer"}}}
	return object{
		"BadRequest":    problem("Invalid parameter"),
		"NoToken":       problem("A token is required"),
		"CrossOrigin":   problem("The request came from another site"),
		"NotFound":      problem("Unknown query"),
		"NotAcceptable": problem("Unknown format"),
		"WrongHost":     problem("The request was for another host"),
		"Failed":        problem("Internal error"),
		"Busy":          busy,
	}
}

func headers() object {
	text := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	return object{
		"Purchases-As-Of":      text("When the database was read, RFC 3339."),
		"Purchases-Offsets":    text("The next offset of each log, as topic:partition=offset, with commas between."),
		"Purchases-Last-Event": text("The time of the latest event, RFC 3339."),
		"Purchases-Lag": object{"description": "Consumer lag in records, if known.",
			"schema": object{"type": "integer"}},
	}
}

func freshnessHeaders() object {
	all := object{}
	for name := range headers() {
		all[name] = ref("headers", name)
	}
	return all
}

func schemas() object {
	text, integer := object{"type": "string"}, object{"type": "integer"}
	nullable := func(kind string) object { return object{"type": []string{kind, "null"}} }
	list := func(item object) object { return object{"type": "array", "items": item} }
	record := func(properties object, required ...string) object {
		return object{"type": "object", "properties": properties, "required": required}
	}
	columns := list(record(object{"name": text, "type": object{
		"enum": []string{"text", "integer", "number", "money", "percent", "time", "any"},
	}}, "name", "type"))
	freshness := record(object{
		"as_of": text, "last_event": nullable("string"), "stored_at": nullable("string"), "lag": nullable("integer"),
		"offsets": object{
			"type": "object", "description": "The next offset by topic and partition.",
			"additionalProperties": object{"type": "object", "additionalProperties": integer},
		},
	}, "as_of", "last_event", "stored_at", "lag", "offsets")
	return object{
		"Problem": record(object{
			"type": text, "title": text, "status": integer, "detail": text, "parameter": text, "allowed": list(text),
		}, "type", "title", "status"),
		"Freshness": freshness,
		"Columns":   columns,
		"Statement": object{
			"type": "object", "required": []string{"sql"}, "additionalProperties": false,
			"properties": object{"sql": object{"type": "string", "format": "sql", "minLength": 1,
				"description": "One SELECT, WITH, VALUES or EXPLAIN."}},
		},
		"Rows": record(object{
			"freshness": ref("schemas", "Freshness"), "columns": ref("schemas", "Columns"),
			"rows": list(object{"type": "object"}), "row_count": integer,
		}, "freshness", "columns", "rows", "row_count"),
		"Document": object{"type": "object"},
		"Queries": record(object{"queries": list(record(object{
			"name": text, "title": text, "description": text, "url": text, "bars": text,
			"parameters": list(record(object{"name": text, "type": text, "description": text}, "name", "type", "default")),
			"columns":    list(record(object{"name": text, "type": text, "description": text}, "name", "type")),
		}, "name", "title", "url", "parameters", "columns"))}, "queries"),
		"Status": record(object{
			"as_of": text, "database_bytes": integer, "events_since": nullable("string"), "lag": nullable("integer"),
			"kafka": record(object{"reachable": object{"type": "boolean"}, "since": text}, "reachable", "since"),
			"processor": record(object{
				"topic": text, "group": text, "running": integer, "lag": integer, "oldest_waiting": nullable("string"),
			}, "topic", "group", "running", "lag", "oldest_waiting"),
			"partitions": list(record(object{
				"topic": text, "partition": integer, "next_offset": integer, "high_watermark": nullable("integer"),
				"lag": nullable("integer"), "last_event": nullable("string"), "stored_at": nullable("string"),
				"open_transaction": record(object{"offset": integer, "since": text}, "offset", "since"),
			}, "topic", "partition", "next_offset")),
		}, "as_of", "database_bytes", "events_since", "lag", "partitions"),
	}
}
