package taskfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"ecsguardrails/shared/taskdef"
)

// change replaces the bytes from start to end.
type change struct {
	start, end int
	text       string
}

// Patched gives the file with the edits made and every other byte as it was.
func (d *Draft) Patched(edits []taskdef.Edit) ([]byte, error) {
	var changes []change
	for _, edit := range edits {
		made, err := d.changes(edit)
		if err != nil {
			return nil, err
		}
		changes = append(changes, made...)
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.start - b.start })
	var patched []byte
	at := 0
	for _, c := range changes {
		patched = append(append(patched, d.text[at:c.start]...), c.text...)
		at = c.end
	}
	return append(patched, d.text[at:]...), nil
}

// changes makes an edit one of the text.
func (d *Draft) changes(edit taskdef.Edit) ([]change, error) {
	holder, after := d.holder(edit), "family"
	if edit.Field == taskdef.RepositoryCredentials {
		after = "image"
	}
	if holder == nil || holder.kind != kindObject || len(holder.members) == 0 {
		return nil, fmt.Errorf("%s: the file has no object to put it into", edit.Field)
	}
	is := func(m member) bool { return d.known(m.name) == string(edit.Field) }
	switch at := lastIndex(holder.members, is); {
	case at >= 0 && edit.Value == "":
		return removals(holder.members, is), nil
	case at >= 0:
		old := holder.members[at]
		return []change{{old.value.start, old.value.end, d.written(edit, d.indentation(old.start))}}, nil
	}
	// After the member it belongs with, or else the first.
	before := holder.members[max(0, holder.index(d.spelt(after)))]
	indentation, own := d.indentation(before.start), ", "
	if indentation != "" {
		own = "," + d.newline() + indentation
	}
	return []change{{before.value.end, before.value.end, fmt.Sprintf("%s%q: %s", own, d.spelt(string(edit.Field)), d.written(edit, indentation))}}, nil
}

// holder finds the object that an edit changes a field of.
func (d *Draft) holder(edit taskdef.Edit) *node {
	if edit.Field == taskdef.RepositoryCredentials {
		return d.containerNode(edit.Container)
	}
	return d.root
}

// containerNode finds a container in the text, where a single one may stand
// without a list.
func (d *Draft) containerNode(i int) *node {
	if d.containers.kind == kindObject {
		return d.containers
	}
	places := d.containerPlaces()
	if i >= len(places) {
		return nil
	}
	return d.containers.items[places[i]]
}

// containerPlaces gives the places in the file's list of the containers that
// were read: a null, a placeholder or one of CloudFormation's functions among
// them is none.
func (d *Draft) containerPlaces() (places []int) {
	for at, item := range d.containers.items {
		if item.kind == kindObject && !d.isFunction(item) {
			places = append(places, at)
		}
	}
	return places
}

// removals takes members away, each run of them with the comma before or after
// it. A field that stands twice goes twice, or the other one would count.
func removals(members []member, which func(member) bool) (changes []change) {
	for from := 0; from < len(members); from++ {
		to := from
		for to < len(members) && which(members[to]) {
			to++
		}
		switch {
		case to == from:
			continue
		case from > 0:
			changes = append(changes, change{members[from-1].value.end, members[to-1].value.end, ""})
		case to < len(members):
			changes = append(changes, change{members[from].start, members[to].start, ""})
		default:
			changes = append(changes, change{members[from].start, members[to-1].value.end, ""})
		}
		from = to
	}
	return changes
}

// indentation is the white space before a member that begins its line, and ""
// for one that does not.
func (d *Draft) indentation(start int) string {
	line := d.text[bytes.LastIndexByte(d.text[:start], '\n')+1 : start]
	if len(line) == 0 || len(bytes.TrimLeft(line, " \t")) > 0 {
		return ""
	}
	return string(line)
}

// written gives an edit's value, over several lines where its neighbours stand
// on lines of their own.
func (d *Draft) written(edit taskdef.Edit, indentation string) string {
	value := edit.Operation(d.spelt).Value
	if indentation == "" {
		text, _ := json.Marshal(value)
		return string(text)
	}
	step := "  "
	if strings.Contains(indentation, "\t") {
		step = "\t"
	} else if outer := d.indentation(d.root.firstMember()); outer != "" && d.prefix == "" {
		step = outer
	}
	text, _ := json.MarshalIndent(value, indentation, step)
	return strings.ReplaceAll(string(text), "\n", d.newline())
}

// newline is how the file ends its lines.
func (d *Draft) newline() string {
	if bytes.Contains(d.text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

func (n *node) firstMember() int {
	if len(n.members) == 0 {
		return 0
	}
	return n.members[0].start
}

// Diff shows the edits as a unified diff of the file.
func (d *Draft) Diff(name string, edits []taskdef.Edit) (string, error) {
	patched, err := d.Patched(edits)
	if err != nil {
		return "", err
	}
	return udiff.Unified(name, name, string(d.text), string(patched)), nil
}

// JSONPatch gives the edits as a JSON patch of the file (RFC 6902).
func (d *Draft) JSONPatch(edits []taskdef.Edit) (string, error) {
	operations := make([]taskdef.Operation, len(edits))
	places := d.containerPlaces()
	for i, edit := range edits {
		// The field that is there already keeps its spelling, as in the text.
		field := d.spelt(string(edit.Field))
		if holder := d.holder(edit); holder != nil {
			if at := lastIndex(holder.members, func(m member) bool { return d.known(m.name) == string(edit.Field) }); at >= 0 {
				field = holder.members[at].name
			}
		}
		if edit.Field == taskdef.RepositoryCredentials && edit.Container < len(places) {
			edit.Container = places[edit.Container]
		}
		operations[i] = edit.Operation(func(name string) string {
			if name == string(edit.Field) {
				return field
			}
			return d.spelt(name)
		})
		if d.root == d.containers {
			operations[i].Path = strings.TrimPrefix(operations[i].Path, "/"+d.spelt("containerDefinitions"))
		}
		operations[i].Path = d.prefix + operations[i].Path
	}
	text, err := json.Marshal(operations)
	return string(text), err
}
