// Package sarif holds what the command lines write against the schema of SARIF 2.1.0.
package sarif

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/ecs-guardrails/ecs-guardrails/shared/localfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskfile"
)

func TestSARIFIsValid(t *testing.T) {
	shapes, err := filepath.Glob("../../shared/localfile/testdata/shapes/*")
	if err != nil || len(shapes) == 0 {
		t.Fatalf("%d files, %v", len(shapes), err)
	}
	definitions, err := filepath.Glob("../../shared/taskfile/testdata/format/*")
	if err != nil || len(definitions) == 0 {
		t.Fatalf("%d files, %v", len(definitions), err)
	}
	nowhere := func(context.Context) *taskdef.Observer { return nil }
	for name, args := range map[string][]string{
		"many definitions": append([]string{"--format", "sarif"}, definitions...),
		"many files":       append([]string{"--format", "sarif"}, shapes...),
		"one file":         {"--format", "sarif", shapes[0]},
		"no findings":      {"--format", "sarif", "../../shared/localfile/testdata/shapes/plain.ecs.config"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			command := localfile.Command()
			if name == "many definitions" {
				command = taskfile.Command(nil, nowhere, &stderr)
			}
			if code := command.Run(context.Background(), args, nil, &stdout, &stderr); code > 1 {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			// The types are generated from the schema: a field that it lacks is an error.
			decoder := json.NewDecoder(bytes.NewReader(stdout.Bytes()))
			decoder.DisallowUnknownFields()
			var exact sarif.Report
			if err := decoder.Decode(&exact); err != nil {
				t.Fatal(err)
			}
			// The library fills in what is absent, with values that its own schema
			// refuses; these are not in what was written.
			report, err := sarif.FromBytes(stdout.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range report.Runs {
				run.Language, run.Tool.Driver.Language = "en-US", "en-US"
				run.NewlineSequences = []string{"\n"}
			}
			if err := report.Validate(); err != nil {
				t.Error(err)
			}
			if report.Version != "2.1.0" || len(report.Runs) != 1 {
				t.Errorf("version %s, %d runs", report.Version, len(report.Runs))
			}
		})
	}
}
