package userdata

import (
	"path"
	"slices"
	"strings"
)

// The files that ecs-init reads, the later one over the earlier one.
const (
	stateConfigPath = "/var/lib/ecs/ecs.config"
	configPath      = "/etc/ecs/ecs.config"
)

// machine is what the user data makes of the instance, as far as it matters.
type machine struct {
	files    map[string]Text
	evidence []Evidence
	notes    []note
	// template says that the source is one that an engine fills in.
	template bool
	// attributes are the entries of ECS_INSTANCE_ATTRIBUTES on Bottlerocket.
	attributes []Text
	// secretSpans are credentials that aren't part of a file's content.
	secretSpans []Text
	// unquoted are the assignments that lost double quotes to the shell.
	unquoted []unquotedWord
	// condition is the offset, plus 1, of the condition of the PowerShell that is
	// being read, 0 for none.
	condition int
	// temporary counts the files that mktemp made.
	temporary int
	// steps bounds the commands that are still evaluated, written the bytes.
	steps, written int
}

// unquotedWord is a word of a script that assigns JSON without quotes around it.
type unquotedWord struct {
	variable string
	word     Text
}

// note is something to tell about the user data, at a byte of the source.
type note struct {
	code   string
	offset int
	detail string
	// names are the variables that it is about.
	names []string
}

func newMachine(template bool) *machine {
	return &machine{files: map[string]Text{}, template: template, steps: 20000, written: 16 * maxSize}
}

// evidenceFor records why the user data sets ECS up.
func (m *machine) evidenceFor(kind EvidenceKind, position int) {
	for _, e := range m.evidence {
		if e.Kind == kind {
			return
		}
	}
	m.evidence = append(m.evidence, Evidence{Kind: kind, offset: position})
}

func (m *machine) note(code string, offset int, detail string) {
	for _, n := range m.notes {
		if n.code == code && n.offset == offset {
			return
		}
	}
	m.notes = append(m.notes, note{code: code, offset: offset, detail: detail})
}

// maxText bounds one text, in bytes.
const maxText = 256 << 10

// bounded gives the text, or one that isn't known where it would be too much.
func (m *machine) bounded(t Text) Text {
	length := t.length()
	if m.written -= length + 64*len(t.pieces); m.written < 0 || length > maxText {
		return unknownText("a text that is too long", t.offset(0))
	}
	return t
}

// isConfig says that a path is that of a file that ecs-init reads.
func isConfig(name string) bool { return name == configPath || name == stateConfigPath }

// write puts content into a file.
func (m *machine) write(name string, content Text, appends bool, offset int) {
	content = m.bounded(content)
	before := m.files[name]
	switch {
	case appends:
		// What is copied counts, so that appending line by line stays bounded.
		m.files[name] = m.bounded(before.plus(content))
	default:
		if lost := lostNames(before, content); isConfig(name) && len(lost) > 0 {
			m.notes = append(m.notes, note{code: codeOverwritten, offset: offset, names: lost})
		}
		m.files[name] = content
	}
	if isConfig(name) {
		if _, fetched := external(content); fetched {
			m.evidenceFor(FetchesConfig, offset)
		} else if strings.Contains(content.String(), "=") || content.unknown() != "" {
			m.evidenceFor(WritesConfig, offset)
		}
	}
}

// lostNames are the settings of the content before that aren't in the content after.
func lostNames(before, after Text) []string {
	if before.condition() != 0 || after.condition() != 0 || after.unknown() != "" {
		return nil
	}
	kept := after.String()
	var lost []string
	for line := range strings.Lines(before.String()) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && plainName.MatchString(name) && !strings.Contains(kept, name+"=") && !slices.Contains(lost, name) {
			lost = append(lost, name)
		}
	}
	return lost
}

// external gives where the content is fetched from.
func external(content Text) (string, bool) {
	for _, p := range content.pieces {
		if strings.HasPrefix(p.unknown, "s3://") || strings.HasPrefix(p.unknown, "http://") || strings.HasPrefix(p.unknown, "https://") {
			return p.unknown, true
		}
	}
	return "", false
}

// edited marks a file as changed in a way that isn't known.
func (m *machine) edited(name, by string, offset int) {
	if !isConfig(name) {
		delete(m.files, name)
		return
	}
	m.note(codeEdited, offset, by)
	m.files[name] = unknownText(by, offset).plus(madeText("\n", offset))
}

// cleanPath gives the path that a word names, "" for one that isn't known. What
// ends in the config file's path is taken for it, whatever root is before it.
func cleanPath(directory string, word Text) string {
	s := word.String()
	if word.unknown() != "" {
		if _, rest, found := strings.Cut(s, placeholder); found && strings.HasSuffix(rest, configPath) {
			return configPath
		}
		return ""
	}
	if s == "" || len(s) > 4096 {
		return ""
	}
	if !path.IsAbs(s) {
		s = path.Join(directory, s)
	}
	return path.Clean(s)
}

// snapshot is the state before a branch.
func (m *machine) snapshot() map[string]Text {
	files := make(map[string]Text, len(m.files))
	for name, content := range m.files {
		files[name] = content
	}
	return files
}

// merge puts together what the branches of a condition at an offset did to the files.
func (m *machine) merge(before map[string]Text, branches []map[string]Text, condition int) {
	merged := map[string]Text{}
	names := map[string]bool{}
	for _, files := range append(branches, before) {
		for name := range files {
			names[name] = true
		}
	}
	for name := range names {
		same := true
		for _, files := range branches[1:] {
			same = same && files[name].String() == branches[0][name].String()
		}
		if same {
			merged[name] = branches[0][name].without(condition)
			continue
		}
		base, kept := before[name], true
		var added builder
		for _, files := range branches {
			content := files[name]
			if rest, ok := strings.CutPrefix(content.String(), base.String()); ok {
				added.add(content.slice(content.length()-len(rest), content.length()).under(condition))
				continue
			}
			kept = false
			added.add(content.under(condition))
		}
		if !kept {
			base = base.under(condition)
		}
		merged[name] = base.plus(added.text())
	}
	m.files = merged
}
