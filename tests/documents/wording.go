package documents

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Stiff are words that engineers don't use with each other. Measured in November 2026,
// they were several times as frequent here as in the field's code.
var Stiff = regexp.MustCompile(`(?i)\b(anew|nobody|anybody|whoever|whosoever|whom|hangs? on|(?:is|are|was|were) (?:to be|told)|(?:became|becomes) of|c[ao]mes? of it|whose turn|for ever|of (?:its|his|her|their|one's|your|my|our) own|tells? of|told of|lest|thereof|whereof|gets? the better of)\b`)

// Wording counts words, and the stiff ones among them.
type Wording struct {
	Words int
	// Hits are "FILE:LINE: WORD".
	Hits []string
}

// Per1000 is the number of stiff words per 1,000 words.
func (w Wording) Per1000() float64 {
	if w.Words == 0 {
		return 0
	}
	return 1000 * float64(len(w.Hits)) / float64(w.Words)
}

var plainWord = regexp.MustCompile(`[A-Za-z][A-Za-z']*`)

func (w *Wording) read(file string, line int, text string) {
	w.Words += len(plainWord.FindAllString(text, -1))
	for _, word := range Stiff.FindAllString(text, -1) {
		w.Hits = append(w.Hits, fmt.Sprintf("%s:%d: %s", file, line, word))
	}
}

// sentence is what a text literal of at least so many spaces is taken for.
const sentenceSpaces = 3

// ReadWording counts the words of a checkout by what they are in: "comments" and
// "messages" of Go files, "documents", and "template".
func ReadWording(root string) (map[string]*Wording, error) {
	counts := map[string]*Wording{"comments": {}, "messages": {}, "documents": {}, "template": {}}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (name == "testdata" || strings.HasPrefix(name, ".") || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(name, ".go"):
			return readGo(counts, path, relative)
		case strings.HasSuffix(name, ".md") || relative == "template.yaml":
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			kind := "documents"
			if relative == "template.yaml" {
				kind = "template"
			}
			for number, line := range strings.Split(string(content), "\n") {
				counts[kind].read(relative, number+1, line)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the wording: %w", err)
	}
	return counts, nil
}

func readGo(counts map[string]*Wording, path, relative string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file := files.AddFile(relative, -1, len(content))
	var read scanner.Scanner
	read.Init(file, content, nil, scanner.ScanComments)
	for {
		place, kind, text := read.Scan()
		switch kind {
		case token.EOF:
			return nil
		case token.COMMENT:
			counts["comments"].read(relative, files.Position(place).Line, text)
		case token.STRING:
			// The expression of Stiff itself, and what else is no prose, has no sentences.
			if strings.HasPrefix(text, `"`) && strings.Count(text, " ") >= sentenceSpaces {
				counts["messages"].read(relative, files.Position(place).Line, text)
			}
		}
	}
}
