package localfile

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"

	"github.com/ecs-guardrails/ecs-guardrails/shared/commandline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// maxEdits bounds the changes of one file.
const maxEdits = 200

// fixed makes every change that is certain, one at a time: each must end a
// finding, make no other, and leave of the configuration what it doesn't mean
// to change.
func fixed(file commandline.File, kind string) ([]byte, error) {
	if isEnvironment(file, kind) {
		return file.Content, nil
	}
	current, err := open(file, kind)
	if err != nil {
		return nil, fmt.Errorf("fix %s: %w", file.Name, err)
	}
	for range maxEdits {
		next, documents, ok := oneEdit(file, kind, current)
		if !ok {
			break
		}
		file.Content, current = next, documents
	}
	return file.Content, nil
}

// oneEdit makes the first change that holds.
func oneEdit(file commandline.File, kind string, current []Document) ([]byte, []Document, bool) {
	for i, document := range current {
		if document.Name != file.Name {
			continue // in another file
		}
		for _, edit := range document.Edits() {
			next := slices.Concat(file.Content[:edit.Start], []byte(edit.Text), file.Content[edit.End:])
			changed, err := open(commandline.File{Name: file.Name, Content: next}, kind)
			if err != nil || len(changed) != len(current) {
				continue
			}
			asMeant := edit.Content == "" || changed[i].Content() == edit.Content
			if asMeant && weight(changed) < weight(current) {
				return next, changed, true
			}
		}
	}
	return nil, nil, false
}

// weight is how much is wrong.
func weight(documents []Document) int {
	total := 0
	for _, document := range documents {
		for _, f := range document.Judge() {
			total += map[finding.Severity]int{finding.Error: 10000, finding.Warning: 100, finding.Info: 1}[f.Severity]
		}
	}
	return total
}

// mask is the content with every secret blotted out.
func mask(file commandline.File, kind string) []byte {
	if isEnvironment(file, kind) {
		return environmentfile.Mask(file.Content)
	}
	documents, err := open(file, kind)
	if err != nil {
		return nil
	}
	documents = slices.DeleteFunc(documents, func(d Document) bool { return d.Name != file.Name })
	if len(documents) == 0 {
		return file.Content
	}
	return sources(documents)[0].Masked
}

// difference shows the change of a file, with every secret blotted out.
func difference(before commandline.File, after []byte, kind string) string {
	old, changed := mask(before, kind), mask(commandline.File{Name: before.Name, Content: after}, kind)
	name := strings.TrimLeft(diagnostic.Printable(filepath.ToSlash(before.Name)), "/")
	return udiff.Unified("a/"+name, "b/"+name, string(old), string(changed))
}

// diffMode shows what --fix would do.
func diffMode(kind *string) commandline.Mode {
	return commandline.Mode{
		Name: "diff", Usage: "show the certain fixes as a unified diff, without secrets", Formats: []string{"text"},
		Run: func(_ context.Context, files []commandline.File, _ string, stdout io.Writer) ([]diagnostic.Source, error) {
			return fixFiles(files, *kind, stdout, false)
		},
	}
}

// fixMode writes the files.
func fixMode(kind *string) commandline.Mode {
	return commandline.Mode{
		Name: "fix", Usage: "show the certain fixes as a diff, and write them to the files (of standard input: the result to standard output)", Formats: []string{"text"},
		Run: func(_ context.Context, files []commandline.File, _ string, stdout io.Writer) ([]diagnostic.Source, error) {
			return fixFiles(files, *kind, stdout, true)
		},
	}
}

// fixFiles gives the findings that remain after the fixes.
func fixFiles(files []commandline.File, kind string, stdout io.Writer, writes bool) ([]diagnostic.Source, error) {
	var remaining []diagnostic.Source
	for _, file := range files {
		after, err := fixed(file, kind)
		if err != nil {
			return remaining, err
		}
		changed := string(after) != string(file.Content)
		switch {
		case file.IsStdin() && writes:
			_, err = stdout.Write(after)
		case changed:
			_, err = io.WriteString(stdout, difference(file, after, kind))
		}
		if err != nil {
			return remaining, fmt.Errorf("show the fixes of %s: %w", file.Name, err)
		}
		if changed && writes && !file.IsStdin() {
			if err := rewrite(file.Name, after); err != nil {
				return remaining, err
			}
		}
		judged, err := judge(commandline.File{Name: file.Name, Content: after}, kind)
		if err != nil {
			return remaining, err
		}
		remaining = append(remaining, judged...)
	}
	return remaining, nil
}

// rewrite writes a file in its place, which keeps its mode and what links to it.
func rewrite(name string, content []byte) error {
	information, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("write the fixed file: %w", err)
	}
	if err := os.WriteFile(name, content, information.Mode().Perm()); err != nil {
		return fmt.Errorf("write the fixed file: %w", err)
	}
	return nil
}
