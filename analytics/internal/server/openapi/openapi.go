// Package openapi describes the HTTP API as OpenAPI 3.1, from the headers of
// the queries. It serves nothing.
package openapi

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/query"
)

// object is a JSON object; its names are written in order.
type object map[string]any

// Document returns the description as JSON. With needsToken it says that every
// request needs a bearer token.
func Document(queries query.Catalogue, needsToken bool) ([]byte, error) {
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title":       "analytics",
			"version":     "1",
			"description": "Exact statistics of purchases. Every answer states the offsets that it reflects.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []object{{"url": "/"}},
		"tags": []object{{"name": "queries", "description": "Built-in queries"},
			{"name": "service", "description": "Everything else"}},
		"paths":      paths(queries),
		"components": object{"schemas": schemas(), "headers": headers(), "responses": responses()},
	}
	if needsToken {
		doc["components"].(object)["securitySchemes"] = object{"token": object{"type": "http", "scheme": "bearer"}}
		doc["security"] = []object{{"token": []string{}}}
	}
	text, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return text, nil
}

func paths(queries query.Catalogue) object {
	all := object{
		"/api/v1/queries":   object{"get": service("listQueries", "The queries with their parameters", "Queries")},
		"/api/v1/status":    object{"get": service("status", "How far each partition has been stored", "Status")},
		"/api/openapi.json": object{"get": service("openapi", "This description", "Document")},
		"/api/v1/sql":       object{"get": sqlInURL(), "post": sqlOperation()},
	}
	for _, q := range queries {
		all["/api/v1/queries/"+q.Name] = object{"get": answerOperation(q)}
		all["/api/v1/queries/"+q.Name+"/events"] = object{"get": eventsOperation(q)}
	}
	return all
}

func service(id, summary, schema string) object {
	return object{
		"operationId": id, "summary": summary, "tags": []string{"service"},
		"responses": withProblems(object{"200": object{
			"description": "OK", "content": object{"application/json": object{"schema": ref("schemas", schema)}},
		}}),
	}
}

func sqlOperation() object {
	return object{
		"operationId": "sql", "tags": []string{"service"},
		"summary": "Answer one SELECT",
		"description": "The statement can only read. It has a time limit and a row limit; an answer that exceeds one is " +
			"cut off or a problem, never a short answer.",
		"parameters": []object{formatParameter("json", "ndjson", "csv", "markdown"), moneyParameter()},
		"requestBody": object{"required": true, "content": object{"application/json": object{
			"schema": ref("schemas", "Statement"), "example": object{"sql": "SELECT item, purchases FROM item_sales LIMIT 3"},
		}}},
		"responses": withProblems(object{
			"200": object{"description": "The rows", "headers": freshnessHeaders(), "content": content(ref("schemas", "Rows"))},
			"413": problem("The request is too large"), "415": problem("The request is not JSON"),
			"422": problem("SQLite rejected the statement, or it exceeded a limit"),
		}),
	}
}

func sqlInURL() object {
	operation := sqlOperation()
	operation["operationId"] = "sqlInURL"
	operation["parameters"] = append(operation["parameters"].([]object), object{
		"name": "sql", "in": "query", "required": true, "description": "One SELECT, WITH, VALUES or EXPLAIN.",
		"schema":  object{"type": "string", "format": "sql", "minLength": 1},
		"example": "SELECT item, purchases FROM item_sales LIMIT 3",
	})
	delete(operation, "requestBody")
	responses := operation["responses"].(object)
	delete(responses, "413")
	delete(responses, "415")
	return operation
}

func answerOperation(q query.Query) object {
	return object{
		"operationId": q.Name, "summary": q.Title, "description": prose(q.Description), "tags": []string{"queries"},
		"parameters": append(parameters(q), formatParameter("json", "ndjson", "csv", "markdown"), moneyParameter()),
		"responses": withProblems(object{
			"200": object{"description": "The answer", "headers": freshnessHeaders(), "content": content(answerSchema(q))},
			"304": object{"description": "The answer is still the one of If-None-Match"},
			"409": problem("The offset of wait_for is not stored yet"),
		}),
	}
}

func eventsOperation(q query.Query) object {
	return object{
		"operationId": q.Name + "-events", "summary": q.Title + ", live", "tags": []string{"queries"},
		"description": "Server-sent events: `answer` with the JSON of the answer at once and after each change, `problem` " +
			"when the stream must end.",
		"parameters": append(parameters(q), formatParameter("json"), moneyParameter()),
		"responses": withProblems(object{
			"200": object{"description": "The events",
				"content": object{"text/event-stream": object{"schema": object{"type": "string"}}}},
			"409": problem("The offset of wait_for is not stored yet"),
		}),
	}
}

// parameters are the query's own and the one that all have.
func parameters(q query.Query) []object {
	var list []object
	for _, p := range q.Params {
		list = append(list, object{"name": p.Name, "in": "query", "description": prose(p.Description),
			"schema": paramSchema(p)})
	}
	return append(list, object{
		"name": "wait_for", "in": "query",
		"description": "Wait until the answer reflects the record at topic:partition:offset, on the topic that the " +
			"processor reads or on one that it writes.",
		"schema": object{"type": "string", "pattern": `^[^:]+:(0|[1-9][0-9]{0,8}):(0|[1-9][0-9]{0,17})$`,
			"examples": []string{"purchases:0:41"}},
	})
}

// prose speaks of parameters, where the header of a query speaks of flags.
func prose(text string) string { return strings.ReplaceAll(text, "--", "") }

func paramSchema(p query.Param) object {
	schema := object{"type": "string"}
	switch p.Type {
	case query.IntegerParam:
		schema = object{"type": "integer", "minimum": p.Min, "maximum": p.Max}
	case query.DateParam:
		schema["format"] = "date"
	case query.StartParam, query.EndParam:
		delete(schema, "type")
		schema["anyOf"] = []object{{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}}
		schema["examples"] = []string{"2011-12-31", "2011-12-31T08:00:00Z"}
	case query.ZoneParam:
		schema["format"] = "iana-time-zone"
		schema["description"] = "A time zone of the tz database."
		schema["examples"] = []string{"Europe/London"}
	case query.ChoiceParam:
		schema["enum"] = p.Choices
	}
	if p.Default != nil {
		schema["default"] = p.Default
	}
	return schema
}

func formatParameter(formats ...string) object {
	return object{
		"name": "format", "in": "query", "description": "The form of the answer; without it, the Accept header says.",
		"schema": object{"type": "string", "enum": formats, "default": "json"},
	}
}

func moneyParameter() object {
	return object{
		"name": "money", "in": "query",
		"description": "Whether JSON has money as strings, which no reader rounds, or as decimal numbers.",
		"schema":      object{"type": "string", "enum": []string{"string", "number"}, "default": "string"},
	}
}

// answerSchema is the JSON of an answer to the query.
func answerSchema(q query.Query) object {
	given := object{}
	for _, p := range q.Params {
		schema := paramSchema(p)
		if p.Default == nil {
			if kind, given := schema["type"]; given {
				schema["type"] = []any{kind, "null"}
			} else {
				schema = object{"anyOf": append(schema["anyOf"].([]object), object{"type": "null"})}
			}
			delete(schema, "enum")
		}
		given[p.Name] = schema
	}
	row, names := object{}, []string{}
	columns := []object{} // each name with its type
	for _, c := range q.Columns {
		columns = append(columns, object{"properties": object{"name": object{"const": c.Name},
			"type": object{"const": c.Type}}})
		row[c.Name] = columnSchema(c)
		names = append(names, c.Name)
	}
	return object{
		"type": "object", "required": []string{"query", "parameters", "freshness", "columns", "rows", "row_count"},
		"properties": object{
			"query":      object{"const": q.Name},
			"parameters": object{"type": "object", "properties": given},
			"freshness":  ref("schemas", "Freshness"),
			"columns": object{
				"type": "array", "minItems": len(columns), "maxItems": len(columns),
				"items": object{"type": "object", "required": []string{"name", "type"}, "anyOf": columns},
			},
			"rows": object{"type": "array", "items": object{
				"type": "object", "properties": row, "required": names, "additionalProperties": false,
			}},
			"row_count": object{"type": "integer", "minimum": 0},
		},
	}
}

func columnSchema(c query.Column) object {
	schema := object{"type": []string{"string", "null"}, "description": prose(c.Description)}
	switch c.Type {
	case query.Integer:
		schema["type"] = []string{"integer", "null"}
	case query.Number, query.Percent:
		schema["type"] = []string{"number", "null"}
	case query.Money:
		schema["type"], schema["pattern"] = []string{"string", "number", "null"}, `^-?[0-9]+\.[0-9]{2,6}$`
	}
	return schema
}

// content is an answer in each of its formats.
func content(schema object) object {
	text := object{"schema": object{"type": "string"}}
	return object{
		"application/json": object{"schema": schema}, "application/x-ndjson": text, "text/csv": text, "text/markdown": text,
	}
}

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

func problem(description string) object {
	return object{"description": description,
		"content": object{"application/problem+json": object{"schema": ref("schemas", "Problem")}}}
}

// withProblems adds those that any request may meet.
func withProblems(specific object) object {
	for status, name := range map[string]string{
		"400": "BadRequest", "401": "NoToken", "403": "CrossOrigin", "404": "NotFound", "406": "NotAcceptable",
		"421": "WrongHost", "500": "Failed", "503": "Busy",
	} {
		specific[status] = ref("responses", name)
	}
	return specific
}
