package documents

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Block is a fenced block of a document.
type Block struct {
	// Document is the file's path from the root, Heading the one above the block.
	Document, Heading string
	// Language is the fence's first word.
	Language string
	Line     int
	Text     string
}

// Files lists the documents of a checkout.
func Files(root string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"README.md", "README.ja.md", "CONTRIBUTING.md", "docs/*.md", "docs/registries/*.md", "events/README.md", "functions/*/README.md", "tests/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			path, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			files = append(files, path)
		}
	}
	return files, nil
}

// Blocks lists the fenced blocks of a document.
func Blocks(root, document string) ([]Block, error) {
	file, err := os.Open(filepath.Join(root, document))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var blocks []Block
	heading, indent, open := "", "", false
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !open:
			indent = line[:strings.IndexByte(line, '`')]
			open = true
			blocks = append(blocks, Block{Document: document, Heading: heading, Language: strings.Trim(strings.TrimSpace(line), "`"), Line: number + 1})
		case fence:
			open = false
		case open:
			last := &blocks[len(blocks)-1]
			last.Text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if open {
		return nil, fmt.Errorf("%s: the fence at line %d is never closed", document, blocks[len(blocks)-1].Line-1)
	}
	return blocks, lines.Err()
}

// Command is one line of a shell block.
type Command struct {
	Document, Heading string
	Line              int
	Text              string
}

func (c Command) String() string { return fmt.Sprintf("%s:%d: %s", c.Document, c.Line, c.Text) }

// remark is a comment at the end of a command.
var remark = regexp.MustCompile(`\s+#\s.*$`)

// Commands lists the commands of a block of shell, and nothing of a script.
func (b Block) Commands() []Command {
	if b.Language != "sh" {
		return nil
	}
	var commands []Command
	for index, line := range slices.Collect(strings.Lines(b.Text)) {
		text := remark.ReplaceAllString(strings.TrimSpace(line), "")
		if text != "" && !strings.HasPrefix(text, "#") {
			commands = append(commands, Command{b.Document, b.Heading, b.Line + index, text})
		}
	}
	return commands
}

// link is one of Markdown's, without those in tables of code.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// anchors are what links into a document may name.
func anchors(content string) map[string]bool {
	found := map[string]bool{}
	open := false
	for line := range strings.Lines(content) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			open = !open
		}
		if !open && strings.HasPrefix(line, "#") {
			found[slug(strings.TrimSpace(strings.TrimLeft(line, "#")))] = true
		}
	}
	return found
}

// brokenLinks lists what a document links to that is not in the checkout.
func brokenLinks(root, document string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		return nil, err
	}
	var broken []string
	for _, match := range link.FindAllStringSubmatch(string(content), -1) {
		target := match[1]
		if strings.Contains(target, "://") {
			continue
		}
		path, anchor, _ := strings.Cut(target, "#")
		file := filepath.Join(root, filepath.Dir(document), path)
		if path == "" {
			file = filepath.Join(root, document)
		}
		info, err := os.Stat(file)
		if err != nil {
			broken = append(broken, target)
			continue
		}
		if anchor == "" || info.IsDir() {
			continue
		}
		linked, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !anchors(string(linked))[anchor] {
			broken = append(broken, target)
		}
	}
	return broken, nil
}
