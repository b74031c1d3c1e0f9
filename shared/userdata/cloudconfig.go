package userdata

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// document is a YAML document whose scalars know their places.
type document struct {
	source Text
	raw    string
	lines  []int // where each line begins
	root   *yaml.Node
}

// parseYAML reads the first document.
func parseYAML(source Text) (document, error) {
	s := source.String()
	d := document{source: source, raw: s, lines: []int{0}}
	for i := range len(s) {
		if s[i] == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(s), &node); err != nil {
		return d, err
	}
	d.root = &node
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		d.root = node.Content[0]
	}
	return d, nil
}

// position is where a node begins in the document's text. The parser counts
// columns in characters.
func (d document) position(node *yaml.Node) int {
	if node.Line < 1 || node.Line > len(d.lines) {
		return 0
	}
	offset := d.lines[node.Line-1]
	for column := 1; column < node.Column && offset < len(d.raw); column++ {
		_, size := utf8.DecodeRuneInString(d.raw[offset:])
		offset += size
	}
	return offset
}

// scalar is the text of a node, each byte with its place.
func (d document) scalar(node *yaml.Node) Text {
	node = resolved(node)
	if node == nil || node.Kind != yaml.ScalarNode {
		return Text{}
	}
	offset := d.position(node)
	if node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		if end := strings.IndexByte(d.raw[offset:], '\n'); end >= 0 {
			offset += end + 1
		}
	}
	return aligned(node.Value, d.source, offset)
}

func resolved(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// entry is the value of a key in a mapping, nil for none.
func entry(node *yaml.Node, key string) *yaml.Node {
	node = resolved(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return resolved(node.Content[i+1])
		}
	}
	return nil
}

func items(node *yaml.Node) []*yaml.Node {
	node = resolved(node)
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// cloudItem is a file or a command of a cloud-config document.
type cloudItem struct {
	document document
	node     *yaml.Node
}

// writesConfig reports whether an item names the agent's configuration.
func (i cloudItem) writesConfig() bool {
	node := resolved(i.node)
	if node == nil {
		return false
	}
	if node.Kind == yaml.MappingNode {
		return isConfig(cleanPath("/", i.document.scalar(entry(node, "path"))))
	}
	return strings.Contains(i.document.scalar(node).String(), configPath) ||
		slices.ContainsFunc(items(node), func(word *yaml.Node) bool { return strings.Contains(i.document.scalar(word).String(), configPath) })
}

// The lists of a cloud-config document that matter, in the order of a boot.
const (
	bootCommands = "bootcmd"
	filesToWrite = "write_files"
	runCommands  = "runcmd"
)

// merging says how cloud-init merges a document into those of the parts before it
// (cloudinit/mergers). Unless a document says so, its lists replace the
// earlier ones.
type merging struct {
	// ignored says that the document isn't merged at all: it names no merger for
	// dictionaries, or none that there is.
	ignored bool
	// replaces and recurses are what happens to a list that is there already.
	replaces, recurses bool
	// list is how two lists become one.
	list string
}

var merger = lazyregexp.New(`^([a-z_][a-z0-9_]*)\(([^)]*)\)$`)

// mergers are the mergers that a document or the header of its part names, each with
// its options; ok is false where cloud-init can't read them.
func (d document) mergers(header string) (mergers [][]string, ok bool) {
	said := entry(d.root, "merge_how")
	if said == nil {
		said = entry(d.root, "merge_type")
	}
	if said == nil || said.Kind == yaml.ScalarNode {
		if said != nil {
			header = d.scalar(said).String()
		}
		return parseMergers(header)
	}
	for _, item := range items(said) {
		options := []string{d.scalar(entry(item, "name")).String()}
		for _, setting := range items(entry(item, "settings")) {
			options = append(options, d.scalar(setting).String())
		}
		mergers = append(mergers, options)
	}
	return mergers, true
}

// parseMergers reads "list(append)+dict(recurse_array)+str()".
func parseMergers(text string) (mergers [][]string, ok bool) {
	for word := range strings.SplitSeq(text, "+") {
		if word = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "-", "_"); word == "" {
			continue
		}
		match := merger.FindStringSubmatch(word)
		if match == nil {
			return nil, false
		}
		options := strings.FieldsFunc(match[2], func(r rune) bool { return r == ',' || r == ' ' })
		mergers = append(mergers, append([]string{match[1]}, options...))
	}
	return mergers, true
}

// mergingOf says what mergers do.
func mergingOf(mergers [][]string) merging {
	if len(mergers) == 0 {
		return merging{replaces: true}
	}
	made := merging{ignored: true}
	for _, options := range mergers {
		switch options[0] {
		case "dict":
			made.ignored = false
			made.replaces = slices.Contains(options, "replace")
			made.recurses = slices.Contains(options, "recurse_array") || slices.Contains(options, "recurse_list")
		case "list":
			methods := []string{"append", "prepend", "replace", "no_replace"}
			if i := slices.IndexFunc(methods, func(method string) bool { return slices.Contains(options, method) }); i >= 0 {
				made.list = methods[i]
			}
		}
	}
	return made
}

// join gives the list of a key after a document was merged.
func (m merging) join(before, added []cloudItem, isList bool) []cloudItem {
	switch {
	case m.replaces:
		return added
	case !m.recurses || !isList || m.list == "no_replace":
		return before
	case m.list == "append":
		return slices.Concat(before, added)
	case m.list == "prepend":
		return slices.Concat(added, before)
	}
	// Item by item.
	joined := slices.Clone(before)
	copy(joined, added)
	return joined
}

// mergeCloudConfig reads a cloud-config document, and merges it into those of the
// parts before it.
func (r *reader) mergeCloudConfig(source Text, header string) {
	source = withPlaceholders(source, r.template)
	d, err := parseYAML(source)
	if err != nil {
		if source.unknown() == "" {
			r.note(codeCloudConfig, source.offset(errorLineOffset(err, d.lines)), "")
		} else {
			r.note(codeTemplateUnread, source.offset(0), "")
		}
		return
	}
	for _, item := range items(entry(d.root, "packages")) {
		if name := d.scalar(item).String(); strings.HasPrefix(name, "ecs-init") || strings.HasPrefix(name, "amazon-ecs-init") {
			r.evidenceFor(InstallsAgent, d.scalar(item).offset(0))
		}
	}
	mergers, ok := d.mergers(header)
	how := mergingOf(mergers)
	if !ok || how.ignored {
		return
	}
	for _, key := range []string{bootCommands, filesToWrite, runCommands} {
		node := entry(d.root, key)
		if node == nil {
			continue
		}
		added := d.list(node)
		before, there := r.cloud[key]
		if !there {
			r.cloud[key] = added
			continue
		}
		after := how.join(before, added, node.Kind == yaml.SequenceNode)
		if slices.ContainsFunc(before, cloudItem.writesConfig) && !slices.ContainsFunc(after, cloudItem.writesConfig) {
			// Its author meant an ECS instance.
			r.evidenceFor(WritesConfig, source.offset(d.position(node)))
			r.note(codeOverwritten, source.offset(d.position(node)), key)
		}
		r.cloud[key] = after
	}
}

// list gives the items of a list, or the one command that is written instead.
func (d document) list(node *yaml.Node) []cloudItem {
	nodes := items(node)
	if single := resolved(node); single != nil && single.Kind == yaml.ScalarNode {
		nodes = []*yaml.Node{single}
	}
	list := make([]cloudItem, len(nodes))
	for i, item := range nodes {
		list[i] = cloudItem{d, item}
	}
	return list
}

// errorLineOffset is where the line of a YAML error begins.
func errorLineOffset(err error, lines []int) int {
	_, rest, found := strings.Cut(err.Error(), "line ")
	if !found {
		return 0
	}
	number := 0
	for i := 0; i < len(rest) && i < 7 && rest[i] >= '0' && rest[i] <= '9'; i++ {
		number = number*10 + int(rest[i]-'0')
	}
	return lines[min(max(number-1, 0), len(lines)-1)]
}

// writeFiles writes the files, those last that are deferred until packages are
// installed.
func (m *machine) writeFiles(files []cloudItem) {
	for _, deferred := range []bool{false, true} {
		for _, item := range files {
			waits := false
			if node := entry(item.node, "defer"); node != nil {
				_ = node.Decode(&waits)
			}
			if waits == deferred {
				m.writeFile(item.document, item.node)
			}
		}
	}
}

func (m *machine) writeFile(d document, file *yaml.Node) {
	name := cleanPath("/", d.scalar(entry(file, "path")))
	if name == "" {
		return
	}
	offset := d.source.offset(d.position(resolved(file)))
	content := d.scalar(entry(file, "content"))
	if uri := entry(entry(file, "source"), "uri"); uri != nil && content.length() == 0 {
		content = unknownText(locationOf(d.scalar(uri)), offset).plus(madeText("\n", offset))
	}
	if binary := entry(file, "content"); binary != nil && binary.Tag == "!!binary" {
		if decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content.String()), "")); err == nil {
			content = content.unpacked(decoded)
		}
	}
	content = decodedFile(content, strings.ToLower(d.scalar(entry(file, "encoding")).String()))
	appends := false
	if node := entry(file, "append"); node != nil {
		_ = node.Decode(&appends)
	}
	m.write(name, content, appends, content.offset(0))
}

// decodedFile decodes as cloud-init's write_files does.
func decodedFile(content Text, encoding string) Text {
	if content.unknown() != "" || encoding == "" {
		return content
	}
	raw := []byte(content.String())
	switch encoding {
	case "b64", "base64", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content.String()), ""))
		if err != nil {
			return content
		}
		raw = decoded
	}
	if strings.HasPrefix(encoding, "gz") && isGzip(raw) {
		raw = gunzip(raw, maxSize)
	}
	return content.unpacked(raw)
}

// runCommands evaluates runcmd and bootcmd: cloud-init makes one script of all
// of them, in which lists are quoted word by word.
func (m *machine) runCommands(commands []cloudItem) {
	sh := newShell(m)
	for _, item := range commands {
		d, command := item.document, resolved(item.node)
		if command == nil {
			continue
		}
		switch command.Kind {
		case yaml.ScalarNode:
			if command.Tag == "!!null" {
				continue
			}
			sh.run(d.scalar(command), streams{})
		case yaml.SequenceNode:
			var arguments []Text
			for _, argument := range command.Content {
				arguments = append(arguments, d.scalar(argument))
			}
			if len(arguments) > 0 {
				sh.execute(arguments, streams{}, arguments[0].offset(0))
			}
		}
		if sh.stop != goesOn {
			break
		}
	}
	sh.end(streams{})
}
