package taskfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// change replaces the bytes from start to end.
type change struct {
	start, end int
	text       string
}

// Patched gives the file with the edits made and every other byte as it was.
// Edits that the file has no place for are left out: see ByHand.
func (d *Draft) Patched(edits []taskdef.Edit) ([]byte, error) {
	var changes []change
	for _, edit := range edits {
		if d.byHand(edit) != "" {
			continue
		}
		made, err := d.changes(edit)
		if err != nil {
			return nil, err
		}
		changes = append(changes, made...)
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.start - b.start })
	var patched []byte
	offset := 0
	for _, c := range changes {
		if c.start < offset {
			continue
		}
		patched = append(append(patched, d.text[offset:c.start]...), c.text...)
		offset = c.end
	}
	return append(patched, d.text[offset:]...), nil
}

// byHand says why an edit can't be made in the file; "" where it can.
func (d *Draft) byHand(edit taskdef.Edit) string {
	if d.fixed != "" {
		return d.fixed
	}
	slot := d.slot(edit)
	if slot.holder == nil || slot.holder.syntax == syntaxOpaque {
		return "the definition stands in a text of another language"
	}
	if place := lastIndex(slot.holder.members, d.isField(edit, slot)); place >= 0 && slot.holder.members[place].merged || place < 0 && len(slot.holder.members) > 0 && d.anchorFor(slot) == nil {
		return "it comes from a YAML merge; change the mapping that is merged, or write the field beside the merge"
	}
	if edit.Field == taskdef.RepositoryCredentials {
		// The credential of one outcome's image would break the other's pull.
		if image := d.member(d.containerNode(edit.Container), "image"); image != nil && (image.conditional || d.capitals && image.functionName() == "Fn::If") {
			return "the image depends on a condition; write the credential with the same condition"
		}
	}
	return ""
}

// slot finds where an edit is written.
func (d *Draft) slot(edit taskdef.Edit) slot {
	if edit.Field != taskdef.RepositoryCredentials {
		if d.role != nil {
			return *d.role
		}
		return slot{holder: d.root, field: d.spelt(string(edit.Field)), after: d.spelt("family")}
	}
	container := d.containerNode(edit.Container)
	if place, known := d.credentials[container]; known {
		return place
	}
	return slot{holder: container, field: d.spelt(string(edit.Field)), after: d.spelt("image"), parameter: d.spelt("credentialsParameter")}
}

// isField tells the field that an edit is of.
func (d *Draft) isField(edit taskdef.Edit, place slot) func(member) bool {
	return func(m member) bool {
		return m.name == place.field || d.known(m.name) == string(edit.Field) && d.role == nil
	}
}

// anchorFor is the field beside which a new one is written: the one that it belongs
// with, or the first of the object's own; nil where a YAML merge brings them all.
func (d *Draft) anchorFor(place slot) *member {
	members := place.holder.members
	if i := place.holder.index(place.after); i >= 0 && !members[i].merged {
		return &members[i]
	}
	for i := range members {
		if !members[i].merged {
			return &members[i]
		}
	}
	return nil
}

// changes makes an edit one of the text.
func (d *Draft) changes(edit taskdef.Edit) ([]change, error) {
	slot := d.slot(edit)
	holder := slot.holder
	if holder == nil || holder.kind != kindObject || len(holder.members) == 0 {
		return nil, fmt.Errorf("%s: the file has no object to put it into", edit.Field)
	}
	is := d.isField(edit, slot)
	switch place := lastIndex(holder.members, is); {
	case place >= 0 && edit.Value == "" && holder.syntax == syntaxYAML:
		return d.yamlRemovals(holder.members, is), nil
	case place >= 0 && edit.Value == "":
		return removals(holder.members, is), nil
	case place >= 0:
		return d.replaced(holder, holder.members[place], edit, slot), nil
	}
	before := d.anchorFor(slot)
	if before == nil {
		return nil, fmt.Errorf("%s: all fields come from a YAML merge", edit.Field)
	}
	indentation := d.indentation(before.start)
	switch holder.syntax {
	case syntaxYAML:
		// Before the field, since where one ends is the next one's matter.
		return []change{{before.start, before.start, d.yamlField(edit, slot, before.start) + d.newline() + d.columnOf(before.start)}}, nil
	case syntaxYAMLFlow:
		return []change{{before.start, before.start, fmt.Sprintf("%s: %s, ", slot.field, d.flowValue(edit, slot))}}, nil
	case syntaxHCL, syntaxHCLBody:
		separator := ", "
		if indentation != "" || holder.syntax == syntaxHCLBody {
			separator = d.newline() + indentation
		}
		return []change{{before.start, before.start, fmt.Sprintf("%s = %s%s", slot.field, d.hclValue(edit, slot), separator)}}, nil
	}
	own := ", "
	if indentation != "" {
		own = "," + d.newline() + indentation
	}
	return []change{{before.value.end, before.value.end, fmt.Sprintf("%s%q: %s", own, slot.field, d.written(edit, slot, indentation))}}, nil
}

// replaced writes another value in the place of a field's.
func (d *Draft) replaced(holder *node, old member, edit taskdef.Edit, place slot) []change {
	switch holder.syntax {
	case syntaxYAML:
		// The value's own text alone, where there is one: what else stands there stays.
		value := old.value
		if inner := value.member(place.parameter); inner != nil && edit.Field == taskdef.RepositoryCredentials {
			value = inner
		}
		if value.kind != kindObject && value.kind != kindList {
			return []change{{value.start, value.end, quotedYAML(edit.Value)}}
		}
		made := d.yamlRemovals(holder.members, func(m member) bool { return m.start == old.start })
		if len(made) > 0 {
			made[0].text = d.yamlField(edit, place, old.start) + d.newline() + made[0].text
			if made[0].end < len(d.text) && d.indentation(made[0].end) == "" {
				made[0].text += d.columnOf(old.start)
			}
		}
		return made
	case syntaxYAMLFlow:
		return []change{{old.value.start, old.value.end, d.flowValue(edit, place)}}
	case syntaxHCL, syntaxHCLBody:
		return []change{{old.value.start, old.value.end, d.hclValue(edit, place)}}
	}
	return []change{{old.value.start, old.value.end, d.written(edit, place, d.indentation(old.start))}}
}

// yamlField writes a field in block style, as it stands at an offset.
func (d *Draft) yamlField(edit taskdef.Edit, place slot, start int) string {
	if edit.Field != taskdef.RepositoryCredentials || place.plain {
		return place.field + ": " + quotedYAML(edit.Value)
	}
	return place.field + ":" + d.newline() + d.columnOf(start) + "  " + place.parameter + ": " + quotedYAML(edit.Value)
}

func (d *Draft) flowValue(edit taskdef.Edit, place slot) string {
	if edit.Field != taskdef.RepositoryCredentials || place.plain {
		return quotedYAML(edit.Value)
	}
	return "{" + place.parameter + ": " + quotedYAML(edit.Value) + "}"
}

func (d *Draft) hclValue(edit taskdef.Edit, place slot) string {
	text := strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(edit.Value))
	if edit.Field != taskdef.RepositoryCredentials || place.plain {
		return text
	}
	return "{ " + place.parameter + " = " + text + " }"
}

// quotedYAML writes a text so that nothing in it means something to YAML: a
// double-quoted scalar takes JSON's escapes (YAML 1.2, section 5.7).
func quotedYAML(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// columnOf gives blanks up to an offset in its line: YAML's indentation of what
// follows a field there, also behind the "- " of a list.
func (d *Draft) columnOf(start int) string {
	line := d.text[bytes.LastIndexByte(d.text[:start], '\n')+1 : start]
	return strings.Repeat(" ", utf8.RuneCount(line))
}

// yamlRemovals takes members in block style away with all their lines.
func (d *Draft) yamlRemovals(members []member, which func(member) bool) (changes []change) {
	for i, m := range members {
		if !which(m) || m.merged {
			continue
		}
		end := d.yamlEnd(m)
		from := m.start
		// All of its lines go, unless the list's "- " stands before it.
		if last := i+1 == len(members) || members[i+1].merged; last && d.indentation(from) != "" || last && d.columnOf(from) == "" {
			from = bytes.LastIndexByte(d.text[:from], '\n') + 1
		} else if i+1 < len(members) {
			end = members[i+1].start
		}
		changes = append(changes, change{from, end, ""})
	}
	return changes
}

// yamlEnd finds the end of a member in block style: the line from which on
// nothing is indented deeper than its name.
func (d *Draft) yamlEnd(m member) int {
	column := len(d.columnOf(m.start))
	offset := m.start
	for {
		next := bytes.IndexByte(d.text[offset:], '\n')
		if next < 0 {
			return len(d.text)
		}
		offset += next + 1
		line := d.text[offset:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		if trimmed := bytes.TrimLeft(line, " "); len(bytes.TrimSpace(trimmed)) > 0 && len(line)-len(trimmed) <= column {
			return offset
		}
		if offset >= len(d.text) {
			return len(d.text)
		}
	}
}

// containerNode finds a container in the text, where a single one may stand
// without a list.
func (d *Draft) containerNode(i int) *node {
	if d.containers.kind == kindObject {
		return d.containers
	}
	for _, item := range d.containers.items {
		if item = d.chosen(item); item != nil && item.kind == kindObject && !d.isFunction(item) {
			if i == 0 {
				return item
			}
			i--
		}
	}
	return nil
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
// on their own lines.
func (d *Draft) written(edit taskdef.Edit, place slot, indentation string) string {
	value := any(edit.Value)
	if edit.Field == taskdef.RepositoryCredentials && !place.plain {
		value = map[string]string{place.parameter: edit.Value}
	}
	if indentation == "" {
		text, _ := json.Marshal(value)
		return string(text)
	}
	step := "  "
	if strings.Contains(indentation, "\t") {
		step = "\t"
	} else if outer := d.indentation(d.root.firstMember()); outer != "" && d.root == d.file {
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

// JSONPatch gives the edits as a JSON patch of the file (RFC 6902); "" for a file
// whose language has none, or where nothing can be changed in it.
func (d *Draft) JSONPatch(edits []taskdef.Edit) (string, error) {
	var operations []taskdef.Operation
	for _, edit := range edits {
		slot := d.slot(edit)
		if d.byHand(edit) != "" || d.file == nil {
			continue
		}
		pointer, found := pointerTo(d.file, slot.holder, "")
		if !found {
			continue
		}
		// The field that is there already keeps its spelling, as in the text.
		field := slot.field
		if place := lastIndex(slot.holder.members, func(m member) bool { return d.known(m.name) == string(edit.Field) }); place >= 0 {
			field = slot.holder.members[place].name
		}
		operation := taskdef.Operation{Op: "add", Path: pointer + "/" + pointerEscapes.Replace(field), Value: edit.Value}
		switch {
		case edit.Value == "":
			operation.Op, operation.Value = "remove", nil
		case edit.Field == taskdef.RepositoryCredentials && !slot.plain:
			operation.Value = map[string]string{slot.parameter: edit.Value}
		}
		if edit.Value != "" && slot.holder.index(field) >= 0 {
			operation.Op = "replace"
		}
		operations = append(operations, operation)
	}
	if len(operations) == 0 {
		return "", nil
	}
	text, err := json.Marshal(operations)
	return string(text), err
}

// pointerTo gives the JSON pointer of a value in a tree (RFC 6901).
func pointerTo(tree, value *node, path string) (pointer string, found bool) {
	if tree == value {
		return path, true
	}
	for i, m := range tree.members {
		// Of fields with the same name a pointer means the last one.
		if tree.index(m.name) != i {
			continue
		}
		if pointer, found := pointerTo(m.value, value, path+"/"+pointerEscapes.Replace(m.name)); found {
			return pointer, true
		}
	}
	for i, item := range tree.items {
		if pointer, found := pointerTo(item, value, fmt.Sprintf("%s/%d", path, i)); found {
			return pointer, true
		}
	}
	return "", false
}
