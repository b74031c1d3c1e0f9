package taskfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxDepth bounds the nesting of a file; a task definition has eight levels.
const maxDepth = 64

// node is a JSON value with its place in the text, so that findings can point
// at it and a change leaves the rest of the text as it was.
type node struct {
	kind kind
	// start and end are offsets in bytes, the end exclusive.
	start, end int
	// text is a string's value, or a number's or boolean's spelling.
	text    string
	members []member
	items   []*node
	// syntax is how a change of it is written.
	syntax syntax
	// conditional says that it is one outcome of a condition.
	conditional bool
}

// syntax is a way of writing values.
type syntax int

const (
	// What JSON is written in goes without saying.
	_ syntax = iota
	// syntaxYAML is YAML's block style, where lines and their indentation count.
	syntaxYAML
	syntaxYAMLFlow
	syntaxHCL
	syntaxHCLBody
	// syntaxOpaque is what nothing here can change in place: JSON in a quoted
	// text, or what another program wrote.
	syntaxOpaque
)

// member is a field of an object.
type member struct {
	name  string
	start int
	value *node
	// merged says that the member stands elsewhere in the file, behind a YAML
	// merge key.
	merged bool
}

type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindObject
)

// member gives a field's value, or nil.
func (n *node) member(name string) *node {
	if i := n.index(name); i >= 0 {
		return n.members[i].value
	}
	return nil
}

// index finds a field, or gives -1. Of fields with the same name the last one
// counts, as it does for those who read the file after us.
func (n *node) index(name string) int {
	if n == nil {
		return -1
	}
	return lastIndex(n.members, func(m member) bool { return m.name == name })
}

func lastIndex(members []member, is func(member) bool) int {
	for i, m := range slices.Backward(members) {
		if is(m) {
			return i
		}
	}
	return -1
}

// syntaxError is where and why a text is not JSON.
type syntaxError struct {
	offset  int
	problem string
}

func (e *syntaxError) Error() string { return e.problem }

// parseJSON reads one JSON value and nothing after it. An error is a
// *syntaxError.
func parseJSON(text []byte) (*node, error) {
	p := &reader{text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	p.decoder.UseNumber()
	root, err := p.value(0)
	if err == nil {
		if _, more := p.decoder.Token(); !errors.Is(more, io.EOF) {
			return nil, &syntaxError{int(p.decoder.InputOffset()), "there is something after the end of the JSON value"}
		}
		return root, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &syntaxError{len(text), "the JSON value ends too early"}
	}
	if syntax, ok := errors.AsType[*syntaxError](err); ok {
		return nil, syntax
	}
	// The decoder leaves the tokens out when it counts how far it came.
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(text, new(json.RawMessage))); ok {
		return nil, &syntaxError{int(syntax.Offset) - 1, syntax.Error()}
	}
	return nil, &syntaxError{int(p.decoder.InputOffset()), err.Error()}
}

type reader struct {
	text    []byte
	decoder *json.Decoder
}

// next gives a token with the offset at which it begins.
func (p *reader) next() (json.Token, int, error) {
	start := int(p.decoder.InputOffset())
	for start < len(p.text) && bytes.IndexByte([]byte(" \t\r\n,:"), p.text[start]) >= 0 {
		start++
	}
	token, err := p.decoder.Token()
	return token, start, err
}

func (p *reader) value(depth int) (*node, error) {
	token, start, err := p.next()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, &syntaxError{start, fmt.Sprintf("values are nested more than %d deep", maxDepth)}
	}
	n := &node{start: start}
	switch typed := token.(type) {
	case json.Delim:
		if typed == '[' {
			err = p.list(n, depth)
		} else {
			err = p.object(n, depth)
		}
	case string:
		n.kind, n.text = kindString, typed
	case json.Number:
		n.kind, n.text = kindNumber, typed.String()
	case bool:
		n.kind, n.text = kindBool, fmt.Sprint(typed)
	}
	n.end = int(p.decoder.InputOffset())
	return n, err
}

func (p *reader) list(n *node, depth int) error {
	n.kind = kindList
	for p.decoder.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, _, err := p.next()
	return err
}

func (p *reader) object(n *node, depth int) error {
	n.kind = kindObject
	for p.decoder.More() {
		key, start, err := p.next()
		if err != nil {
			return err
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		// The decoder lets nothing but text be a key.
		name, _ := key.(string)
		n.members = append(n.members, member{name: name, start: start, value: value})
	}
	_, _, err := p.next()
	return err
}

// position gives the line and column, both from 1 and the column in bytes.
func position(text []byte, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}
