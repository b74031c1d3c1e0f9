package stack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// archiveFunctions puts beside the folder of every function that sam built the
// archive that sam deploy would make of it, so that the stacks of one build do
// not each compress the same programs, for ten seconds of a processor.
func archiveFunctions(build string) error {
	folders, err := filepath.Glob(filepath.Join(build, "*", "bootstrap"))
	if err != nil {
		return err
	}
	for _, program := range folders {
		if err := archive(program, filepath.Dir(program)+".zip"); err != nil {
			return fmt.Errorf("archiving %s: %w", program, err)
		}
	}
	return nil
}

// archive writes one program into a new archive, executable as Lambda wants it,
// and the same bytes each time: sam deploy uploads what has changed.
func archive(program, path string) (err error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var written bytes.Buffer
	writer := zip.NewWriter(&written)
	writer.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestSpeed)
	})
	header := &zip.FileHeader{Name: filepath.Base(program), Method: zip.Deflate, Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	file, err := writer.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, written.Bytes(), 0o644)
}

// deployArchives makes the template name the archives, where there are some.
func deployArchives(template *yaml.Node, build string) {
	resources := valueAt(template, []string{"Resources"})
	if resources == nil {
		return
	}
	for index := 1; index < len(resources.Content); index += 2 {
		code := valueAt(resources.Content[index], []string{"Properties", "CodeUri"})
		if code == nil || code.Kind != yaml.ScalarNode {
			continue
		}
		if _, err := os.Stat(filepath.Join(build, code.Value+".zip")); err == nil {
			code.Value += ".zip"
		}
	}
}

// asJSON writes a template as the JSON that it is the same as. The SAM CLI, which
// reads a template seven times for a deployment, takes half a second for JSON
// and ten for YAML.
func asJSON(template *yaml.Node) ([]byte, error) {
	var written bytes.Buffer
	if err := writeJSON(&written, template); err != nil {
		return nil, err
	}
	return written.Bytes(), nil
}

func writeJSON(to *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.DocumentNode:
		return writeJSON(to, node.Content[0])
	case yaml.AliasNode:
		return writeJSON(to, node.Alias)
	case yaml.SequenceNode:
		for index, item := range node.Content {
			to.WriteByte(separator('[', index))
			if err := writeJSON(to, item); err != nil {
				return err
			}
		}
		if len(node.Content) == 0 {
			to.WriteByte('[')
		}
		to.WriteByte(']')
		return nil
	case yaml.MappingNode:
		for index := 0; index < len(node.Content); index += 2 {
			to.WriteByte(separator('{', index))
			name, err := json.Marshal(node.Content[index].Value)
			if err != nil {
				return err
			}
			to.Write(name)
			to.WriteByte(':')
			if err := writeJSON(to, node.Content[index+1]); err != nil {
				return err
			}
		}
		if len(node.Content) == 0 {
			to.WriteByte('{')
		}
		to.WriteByte('}')
		return nil
	}
	// A template has no dates: what looks like one is the version of a policy.
	var value any = node.Value
	if node.Tag != "!!timestamp" {
		if err := node.Decode(&value); err != nil {
			return fmt.Errorf("line %d: %w", node.Line, err)
		}
	}
	scalar, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	to.Write(scalar)
	return nil
}

func separator(opening byte, index int) byte {
	if index == 0 {
		return opening
	}
	return ','
}
