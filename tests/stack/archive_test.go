package stack

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestFunctionsAreArchivedOnce(t *testing.T) {
	build := t.TempDir()
	folder := filepath.Join(build, "SweepFunction")
	program := bytes.Repeat([]byte("a program "), 1000)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), program, 0o644); err != nil {
		t.Fatal(err)
	}
	var made [2][]byte
	for index := range made {
		if err := archiveFunctions(build); err != nil {
			t.Fatal(err)
		}
		var err error
		if made[index], err = os.ReadFile(folder + ".zip"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("the same program makes two archives")
	}
	reader, err := zip.NewReader(bytes.NewReader(made[0]), int64(len(made[0])))
	if err != nil || len(reader.File) != 1 {
		t.Fatal(err, reader)
	}
	file := reader.File[0]
	opened, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(opened)
	if err != nil || !bytes.Equal(content, program) || file.Name != "bootstrap" || file.Mode().Perm() != 0o755 {
		t.Errorf("archived is %s, %v, %d bytes, %v", file.Name, file.Mode(), len(content), err)
	}
}

func TestTemplateIsDeployedAsTheSameJSON(t *testing.T) {
	const text = `
Conditions: {}
Parameters: &parameters {A: {Type: Number, Default: 5}, B: {Default: "5"}}
Again: *parameters
Resources:
  SweepFunction:
    Properties:
      CodeUri: SweepFunction
      Policies:
      - Version: 2012-10-17
        Statement: []
        Text: "a \"word\"\nand < another"
  Layer: {Properties: {CodeUri: {Fn::Sub: x}, Enabled: true, Nothing: null, Share: 0.5}}
  Elsewhere: {Properties: {CodeUri: ./elsewhere}}
`
	build := t.TempDir()
	if err := os.WriteFile(filepath.Join(build, "SweepFunction.zip"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	deployArchives(&node, build)
	written, err := asJSON(&node)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(written, &got); err != nil {
		t.Fatalf("%v in %s", err, written)
	}
	parameters := map[string]any{"A": map[string]any{"Type": "Number", "Default": 5.0}, "B": map[string]any{"Default": "5"}}
	want := map[string]any{
		"Conditions": map[string]any{}, "Parameters": parameters, "Again": parameters,
		"Resources": map[string]any{
			"SweepFunction": map[string]any{"Properties": map[string]any{
				"CodeUri":  "SweepFunction.zip",
				"Policies": []any{map[string]any{"Version": "2012-10-17", "Statement": []any{}, "Text": "a \"word\"\nand < another"}},
			}},
			"Layer":     map[string]any{"Properties": map[string]any{"CodeUri": map[string]any{"Fn::Sub": "x"}, "Enabled": true, "Nothing": nil, "Share": 0.5}},
			"Elsewhere": map[string]any{"Properties": map[string]any{"CodeUri": "./elsewhere"}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", written)
	}
}
