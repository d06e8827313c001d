package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// listing prints a list page by page, without holding all of it: as one JSON document, a table for a person, else
// lines for a program.
type listing[T any] struct {
	to      io.Writer
	json    bool
	name    string // of the list in the document
	lines   columns
	heading []string // of the table; none for a program
	cells   func(T) []string
}

func newListing[T any](to io.Writer, asJSON bool, name string, heading []string, cells func(T) []string) listing[T] {
	l := listing[T]{to: to, json: asJSON, name: name, lines: newColumns(to), cells: cells}
	if isTerminal(to) {
		l.heading = heading
	}
	return l
}

// all prints page after page. next gives the one after last, which is nil at first, and a page that is not full at the
// end.
func (l listing[T]) all(next func(last *T) ([]T, error)) error {
	out := bufio.NewWriter(l.to)
	if !l.json && l.heading != nil {
		l.lines.line(l.heading...)
	}
	written := 0
	var last *T
	for {
		page, err := next(last)
		if err != nil {
			return err
		}
		for i := range page {
			if !l.json {
				l.lines.line(l.cells(page[i])...)
				continue
			}
			if err := l.writeJSON(out, page[i], written == 0); err != nil {
				return err
			}
			written++
		}
		if len(page) < pageSize {
			break
		}
		last = &page[len(page)-1]
		if err := l.lines.end(); err != nil { // nothing may be held back while the next page comes
			return err
		}
	}
	if !l.json {
		return l.lines.end()
	}
	end := "\n  ]\n}\n"
	if written == 0 {
		end = fmt.Sprintf("{\n  %q: []\n}\n", l.name)
	}
	if _, err := out.WriteString(end); err != nil {
		return err
	}
	return out.Flush()
}

func (l listing[T]) writeJSON(out io.Writer, item T, first bool) error {
	encoded, err := json.MarshalIndent(item, "    ", "  ")
	if err != nil {
		return err
	}
	before := ",\n    "
	if first {
		before = fmt.Sprintf("{\n  %q: [\n    ", l.name)
	}
	_, err = fmt.Fprint(out, before, string(encoded))
	return err
}

func mapped[T, U any](items []T, f func(T) U) []U {
	result := make([]U, len(items))
	for i, item := range items {
		result[i] = f(item)
	}
	return result
}
