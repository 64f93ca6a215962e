package main

import (
	"strings"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
)

// choices are what shell completion offers as the value of a flag: the formats
// of an answer, and the choices of a query's parameter.
func choices(catalogue query.Catalogue) func(command []string, flag string) []string {
	return func(command []string, flag string) []string {
		if flag == "output" {
			return strings.Split(render.FormatNames(" "), " ")
		}
		if len(command) < 2 || command[0] != "query" {
			return nil
		}
		for _, q := range catalogue {
			for _, p := range q.Params {
				if q.Name == command[1] && p.Name == flag {
					return p.Choices
				}
			}
		}
		return nil
	}
}
