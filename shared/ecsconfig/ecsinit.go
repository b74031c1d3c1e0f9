package ecsconfig

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// File is an ecs.config as ecs-init reads it, which is how the agent gets it.
// Its values are secrets until somebody knows better: they print as
// "[redacted]".
type File struct {
	// Assignments are the lines that ecs-init takes as NAME=VALUE, in the order
	// of the file. A comment that holds a '=' is one of them.
	Assignments []Assignment

	content secret.Text
	values  []string // of the assignments, in one piece
	lines   []line
	known   []int          // indices of the assignments whose name is in the catalogue
	last    map[string]int // for each name of the catalogue, index into Assignments of the one that counts
}

// Assignment is one NAME=VALUE line.
type Assignment struct {
	// Name and Value are as ecs-init hands them over: untouched. Bytes that are
	// not UTF-8 become U+FFFD on the way through Docker's API.
	Name  string
	Value secret.Text
	// Line and Column are where the name begins, 1-based, Column in bytes.
	Line, Column int
	// NameStart, ValueStart and ValueEnd are byte offsets into the file;
	// content[ValueStart:ValueEnd] is the value as it was written.
	NameStart, ValueStart, ValueEnd int

	variable *Variable // the name's, nil for one that is not in the catalogue
}

// ValueColumn is the 1-based column, in bytes, where the value begins.
func (a Assignment) ValueColumn() int { return a.Column + a.ValueStart - a.NameStart }

// line is one line of the file that is not blank, trimmed as ecs-init trims it.
type line struct {
	number     int // 1-based
	offset     int // of the untrimmed line
	start, end int // of the trimmed text
	assignment int // index into Assignments; -1 when there is no '='
}

func (l line) column(offset int) int { return offset - l.offset + 1 }

// Parse reads a file as ecs-init does. It never fails: ecs-init has no notion
// of a malformed line.
func Parse(content []byte) File {
	text := string(content)
	newlines := strings.Count(text, "\n")
	most := min(newlines+1, strings.Count(text, "="))
	file := File{
		Assignments: make([]Assignment, 0, most),
		content:     secret.New(text),
		values:      make([]string, 0, most), // never grows: the assignments point into it
		lines:       make([]line, 0, min(newlines+1, len(text)/2+1)),
		last:        map[string]int{},
	}
	offset := 0
	for number := 1; ; number++ {
		end := strings.IndexByte(text[offset:], '\n')
		raw := text[offset:]
		if end >= 0 {
			raw = text[offset : offset+end]
		}
		// ecs-init trims the whole file before it splits it. That takes away
		// only what trimming each line takes away too.
		if trimmed := strings.TrimSpace(raw); trimmed != "" {
			file.addLine(number, offset, raw, trimmed)
		}
		if end < 0 {
			return file
		}
		offset += end + 1
	}
}

func (f *File) addLine(number, offset int, raw, trimmed string) {
	start := offset
	if first := raw[0]; first <= ' ' || first >= utf8.RuneSelf {
		start += len(raw) - len(strings.TrimLeftFunc(raw, unicode.IsSpace))
	}
	current := line{number: number, offset: offset, start: start, end: start + len(trimmed), assignment: -1}
	if equals := strings.IndexByte(trimmed, '='); equals >= 0 {
		current.assignment = len(f.Assignments)
		name := trimmed[:equals]
		variable := variableOf(name)
		if variable != nil {
			f.last[name] = current.assignment
			f.known = append(f.known, current.assignment)
		}
		f.values = append(f.values, trimmed[equals+1:])
		f.Assignments = append(f.Assignments, Assignment{
			Name:       name,
			Value:      secret.In(&f.values[len(f.values)-1]),
			Line:       number,
			Column:     current.column(start),
			NameStart:  start,
			ValueStart: start + equals + 1,
			ValueEnd:   current.end,
			variable:   variable,
		})
	}
	f.lines = append(f.lines, current)
}

// asContainerText gives the text that reaches the container: the API request
// to Docker is JSON, and encoding/json writes each byte that is not UTF-8 as
// U+FFFD.
func asContainerText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// Lookup gives the assignment of a variable that counts: the last one.
func (f File) Lookup(name string) (Assignment, bool) {
	if byName[name] == nil {
		for _, a := range slices.Backward(f.Assignments) {
			if a.Name == name {
				return a, true
			}
		}
		return Assignment{}, false
	}
	index, ok := f.last[name]
	if !ok {
		return Assignment{}, false
	}
	return f.Assignments[index], true
}

// value is the value that counts, as the agent gets it; "" where the file does
// not set the name.
func (f File) value(name string) string {
	a, ok := f.Lookup(name)
	if !ok {
		return ""
	}
	return asContainerText(a.Value.Reveal())
}

// Cluster is the cluster that the instance joins, a name or an ARN, and the
// assignment that says so. Without one it is "default", which the agent
// creates when it is missing (ecs_client.go RegisterContainerInstance).
func (f File) Cluster() (name string, assignment Assignment, named bool) {
	assignment, _ = f.Lookup("ECS_CLUSTER")
	if name = strings.TrimSpace(assignment.Value.Reveal()); name == "" {
		return "default", assignment, false
	}
	return name, assignment, true
}

// Region is AWS_DEFAULT_REGION as the agent reads it; "" leaves it to the
// instance metadata.
func (f File) Region() string { return strings.TrimSpace(f.value("AWS_DEFAULT_REGION")) }

// Registries are the credentials in ECS_ENGINE_AUTH_DATA as the agent reads
// them; their spans are byte offsets into the file.
func (f File) Registries() registryauth.Data {
	data, ok := f.Lookup("ECS_ENGINE_AUTH_DATA")
	if !ok {
		return registryauth.Parse(strings.TrimSpace(f.value("ECS_ENGINE_AUTH_TYPE")), nil, 0)
	}
	raw := f.content.Reveal()[data.ValueStart:data.ValueEnd]
	return registryauth.Parse(strings.TrimSpace(f.value("ECS_ENGINE_AUTH_TYPE")), []byte(raw), data.ValueStart)
}

// Format shows nothing of the file's text: even a name may be a part of a
// secret, when the line carries on a broken value.
func (f File) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "ecs.config with %d assignments", len(f.Assignments))
}
