// Package managedpolicy holds the documents of AWS managed policies that
// people give to the roles of ECS, for an emulator that lacks them. They are
// what AWS publishes in the AWS Managed Policy Reference Guide.
package managedpolicy

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed documents
var documents embed.FS

// Documents returns each policy's document by the resource part of its ARN:
// "service-role/NAME" for arn:aws:iam::aws:policy/service-role/NAME.
func Documents() (map[string]json.RawMessage, error) {
	policies := map[string]json.RawMessage{}
	err := fs.WalkDir(documents, "documents", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := documents.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "documents/"), ".json")
		policies[name] = json.RawMessage(text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the AWS managed policies: %w", err)
	}
	return policies, nil
}
