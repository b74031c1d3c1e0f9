package userdata

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
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

// cloudConfig is what a cloud-config document does at the stages of a boot.
type cloudConfig struct{ boot, files, run func() }

// readCloudConfig reads a cloud-config document.
func (m *machine) readCloudConfig(source Text) cloudConfig {
	source = withPlaceholders(source, m.template)
	d, err := parseYAML(source)
	if err != nil {
		if source.unknown() == "" {
			m.note(codeCloudConfig, source.offset(errorLineOffset(err, d.lines)), "")
		} else {
			m.note(codeTemplateUnread, source.offset(0), "")
		}
		return cloudConfig{func() {}, func() {}, func() {}}
	}
	for _, item := range items(entry(d.root, "packages")) {
		if name := d.scalar(item).String(); strings.HasPrefix(name, "ecs-init") || strings.HasPrefix(name, "amazon-ecs-init") {
			m.evidenceFor(InstallsAgent, d.scalar(item).offset(0))
		}
	}
	return cloudConfig{
		boot:  func() { m.runCommands(d, entry(d.root, "bootcmd")) },
		files: func() { m.writeFiles(d, entry(d.root, "write_files")) },
		run:   func() { m.runCommands(d, entry(d.root, "runcmd")) },
	}
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

func (m *machine) writeFiles(d document, node *yaml.Node) {
	for _, file := range items(node) {
		name := cleanPath("/", d.scalar(entry(file, "path")))
		if name == "" {
			continue
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
func (m *machine) runCommands(d document, node *yaml.Node) {
	sh := newShell(m)
	commands := items(node)
	if single := resolved(node); single != nil && single.Kind == yaml.ScalarNode {
		commands = []*yaml.Node{single}
	}
	for _, command := range commands {
		command = resolved(command)
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
			return
		}
	}
}
