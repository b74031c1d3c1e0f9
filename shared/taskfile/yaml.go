package taskfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// maxNodes bounds what aliases can blow a file up to.
const maxNodes = 200_000

// parseYAML reads the documents of a YAML stream. An error is a *syntaxError.
// CloudFormation's short functions (!Sub) become the long ones, as in JSON.
func parseYAML(text []byte) ([]*node, error) {
	y := &yamlReader{text: text}
	for offset := 0; offset <= len(text); {
		y.lines = append(y.lines, offset)
		next := bytes.IndexByte(text[offset:], '\n')
		if next < 0 {
			break
		}
		offset += next + 1
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var documents []*node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, y.syntaxError(err)
		}
		if len(document.Content) == 0 {
			continue
		}
		root, err := y.node(document.Content[0], 0, false)
		if err != nil {
			return nil, err
		}
		documents = append(documents, root)
	}
}

// yamlReader turns YAML nodes into ours.
type yamlReader struct {
	text []byte
	// lines are the offsets at which lines begin.
	lines []int
	nodes int
}

// yamlLine is how the parser names the line of a fault.
var yamlLine = lazyregexp.New(`line (\d+): `)

func (y *yamlReader) syntaxError(err error) error {
	problem, offset := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if found := yamlLine.FindStringSubmatch(problem); found != nil {
		line := 0
		_, _ = fmt.Sscanf(found[1], "%d", &line)
		offset = y.offset(line, 1)
		problem = strings.Replace(problem, found[0], "", 1)
	}
	return &syntaxError{offset, problem}
}

// offset turns a line and a column in characters, both from 1, into one in bytes.
func (y *yamlReader) offset(line, column int) int {
	if line < 1 || line > len(y.lines) {
		return len(y.text)
	}
	position := y.lines[line-1]
	for range column - 1 {
		if position >= len(y.text) {
			break
		}
		_, size := utf8.DecodeRune(y.text[position:])
		position += size
	}
	return position
}

func (y *yamlReader) node(from *yaml.Node, depth int, inFlow bool) (*node, error) {
	start := y.offset(from.Line, from.Column)
	if y.nodes++; depth > maxDepth || y.nodes > maxNodes {
		return nil, &syntaxError{start, fmt.Sprintf("values are nested more than %d deep, or there are more than %d of them", maxDepth, maxNodes)}
	}
	if from.Kind == yaml.AliasNode {
		return y.node(from.Alias, depth+1, inFlow)
	}
	flow := inFlow || from.Style&yaml.FlowStyle != 0
	n := &node{start: start, end: y.end(from, start), syntax: syntaxYAML}
	if flow {
		n.syntax = syntaxYAMLFlow
	}
	var err error
	switch from.Kind {
	case yaml.MappingNode:
		err = y.mapping(n, from, depth, flow)
	case yaml.SequenceNode:
		n.kind = kindList
		for _, item := range from.Content {
			value, failed := y.node(item, depth+1, flow)
			if failed != nil {
				return nil, failed
			}
			n.items = append(n.items, value)
			n.end = max(n.end, value.end)
		}
	default:
		n.text = from.Value
		switch from.ShortTag() {
		case "!!null":
			n.kind, n.text = kindNull, ""
		case "!!bool":
			n.kind = kindBool
		case "!!int", "!!float":
			n.kind = kindNumber
		default:
			n.kind = kindString
		}
	}
	if err != nil {
		return nil, err
	}
	return longFunction(from.Tag, n), nil
}

// mapping reads a mapping's members; those that a merge key brings count where
// its own mapping has none (https://yaml.org/type/merge.html).
func (y *yamlReader) mapping(n *node, from *yaml.Node, depth int, flow bool) error {
	n.kind = kindObject
	var merged []member
	for i := 0; i+1 < len(from.Content); i += 2 {
		key := from.Content[i]
		value, err := y.node(from.Content[i+1], depth+1, flow)
		if err != nil {
			return err
		}
		if key.ShortTag() == "!!merge" {
			for _, base := range append([]*node{value}, value.items...) {
				merged = append(merged, base.members...)
			}
			continue
		}
		n.members = append(n.members, member{name: key.Value, start: y.offset(key.Line, key.Column), value: value})
		n.end = max(n.end, value.end)
	}
	for _, m := range merged {
		if n.index(m.name) < 0 {
			m.merged = true
			n.members = append(n.members, m)
		}
	}
	return nil
}

// end finds where a scalar ends in the text; block scalars end with their line,
// since nothing here replaces one.
func (y *yamlReader) end(from *yaml.Node, start int) int {
	if from.Kind != yaml.ScalarNode {
		return start
	}
	// A tag stands before the value, and the node begins with it.
	if from.Style&yaml.TaggedStyle != 0 && start < len(y.text) && y.text[start] == '!' {
		start = y.afterTag(start)
	}
	rest := y.text[start:]
	switch {
	case from.Style&yaml.DoubleQuotedStyle != 0 && len(rest) > 0 && rest[0] == '"':
		if length := doubleQuoted(rest); length > 0 {
			return start + length
		}
	case from.Style&yaml.SingleQuotedStyle != 0 && len(rest) > 0 && rest[0] == '\'':
		if length := singleQuoted(rest); length > 0 {
			return start + length
		}
	case bytes.HasPrefix(rest, []byte(from.Value)):
		return start + len(from.Value)
	}
	if line := bytes.IndexByte(rest, '\n'); line >= 0 {
		return start + line
	}
	return len(y.text)
}

// afterTag gives where the value behind a tag begins.
func (y *yamlReader) afterTag(start int) int {
	for start < len(y.text) && y.text[start] != ' ' && y.text[start] != '\n' {
		start++
	}
	for start < len(y.text) && y.text[start] == ' ' {
		start++
	}
	return start
}

// doubleQuoted gives the length of a text in double quotation marks, and of these;
// 0 where it does not end.
func doubleQuoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// singleQuoted does the same for single ones, of which two stand for one.
func singleQuoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '\'':
		case i+1 < len(text) && text[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return 0
}

// longFunction gives a value with one of CloudFormation's short tags the form
// that JSON has for it: !Sub x is {"Fn::Sub": x}.
func longFunction(tag string, n *node) *node {
	if len(tag) < 2 || tag[0] != '!' || tag[1] == '!' {
		return n
	}
	name := tag[1:]
	switch name {
	case "Ref", "Condition":
	case "GetAtt":
		name = "Fn::GetAtt"
		if n.kind == kindString {
			var parts []*node
			for part := range strings.SplitSeq(n.text, ".") {
				parts = append(parts, &node{kind: kindString, text: part, start: n.start, end: n.end, syntax: n.syntax})
			}
			n = &node{kind: kindList, items: parts, start: n.start, end: n.end, syntax: n.syntax}
		}
	default:
		name = "Fn::" + name
	}
	return &node{kind: kindObject, start: n.start, end: n.end, syntax: n.syntax, members: []member{{name: name, start: n.start, value: n}}}
}
