package taskfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// TestFormats holds each format that people keep task definitions in to four
// things: the right images are found, every finding has its line, the patch
// applies, and the patched file needs nothing more.
func TestFormats(t *testing.T) {
	const web, side = "registry.example.com:5000/shop/web", "registry.gitlab.com/acme/"
	// The images of each definition, and what can't be changed in the file.
	type want struct {
		images [][]string
		byHand bool
	}
	one := func(images ...string) want { return want{images: [][]string{images}} }
	byHand := func(images ...string) want { return want{[][]string{images}, true} }
	tests := map[string]want{
		"ecspresso.yaml":                    one(web),
		"ecspresso-template.yml":            one(web),
		"image-first-flow.yaml":             one(web, side),
		"anchors.yaml":                      one(web, side),
		"several-documents.yaml":            {images: [][]string{{web}, {side}}},
		"list-of-definitions.yaml":          {images: [][]string{{web}, {side}}},
		"containers-alone.yaml":             one(web, side),
		"wrapped.yaml":                      one(web),
		"wrong-credential.yaml":             one(web),
		"windows-line-ends.yaml":            one(web),
		"umlauts.yaml":                      one(web),
		"from-awscli.yaml":                  one(web),
		"cloudformation.yaml":               one(web),
		"cloudformation-join.yaml":          one("registry.example.com:5000/shop/${"),
		"cloudformation-sub-variables.yaml": one(web),
		"cloudformation-if-image.yaml":      {[][]string{{web, "nginx"}, {"nginx", side}}, true},
		"sam.yaml":                          {images: [][]string{{web}, {side}}},
		"serverless-resources.yml":          one(web),
		"cloudformation-batch.yaml":         one(web),
		"cdk.template.json":                 one(web, "123456789012.dkr.ecr.us-east-1.${AWS::URLSuffix}/tools"),
		"cloudformation-if.json":            {[][]string{{web}, {side}}, true},
		"cloudformation-minified.json":      one(web),
		"comments.jsonc":                    one(web),
		"list-of-definitions.json":          {images: [][]string{{web}, {side}}},
		"jsonnet-output.json":               one(web),
		"several-in-object.json":            {images: [][]string{{web}, {side}}},
		"batch.json":                        one(web),
		"batch-legacy.json":                 one(web),
		"batch-ecs-properties.yaml":         one(web),
		"batch-described.json":              one(web),
		"Dockerrun.aws.json":                one(web),
		"copilot-service.yml":               one(web),
		"copilot-sidecar.yml":               one(web),
		"copilot-build.yml":                 {images: [][]string{nil}},
		"jsonencode.tf":                     one(web, side),
		"heredoc.tf":                        one(web),
		"heredoc-indented.tf":               one(web),
		"locals.tf":                         one(web, side),
		"conditional.tf":                    {[][]string{{web}, {"nginx"}}, true},
		"json-keys.tf":                      one(web),
		"without-role.tf":                   one(web),
		"module-service.tf":                 one(web),
		"several-resources.tf":              {images: [][]string{{web}, {side}}},
		"batch.tf":                          one(web),
		"templatefile.tf":                   {images: [][]string{nil}},
		"main.tf.json":                      byHand(web),
		"text.tf.json":                      byHand(web),
		"plan.json":                         {[][]string{{web}, {side}}, true},
		"state.json":                        byHand(web),
	}
	files, err := filepath.Glob("testdata/format/*")
	if err != nil || len(files) != len(tests) {
		t.Fatalf("%d files, %d tests, %v", len(files), len(tests), err)
	}
	s := taskdef.Settings{ReplaceCredentials: true, ExecutionRoleARN: givenARN}
	secrets := testSecrets(t, "registry.example.com:5000", "registry.gitlab.com/acme")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/format/" + name)
			if err != nil {
				t.Fatal(err)
			}
			drafts := ReadDrafts(text)
			if len(drafts) != len(test.images) {
				t.Fatalf("%d definitions, want %d; findings %v", len(drafts), len(test.images), drafts[0].findings)
			}
			var shown strings.Builder
			for i, draft := range drafts {
				holdImages(t, draft, test.images[i])
				judged, err := judge(context.Background(), s, draft, secrets, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range judged.findings {
					if f.Line < 1 {
						t.Errorf("no line: %s: %s", f.Code, f.Message)
					}
					if f.Code == "file-invalid" || f.Code == "file-type-wrong" || f.Code == "file-field-unknown" {
						t.Errorf("%s: %s", f.Code, f.Message)
					}
				}
				if slices.ContainsFunc(test.images[i], func(image string) bool { return image == web || image == side }) && len(judged.edits) == 0 && draft.logsIn == "" {
					t.Error("nothing is patched")
				}
				if err := judged.writeChanges(&shown, name, draft); err != nil {
					t.Error(err)
				}
			}
			if test.byHand != strings.Contains(shown.String(), "To change in its source") {
				t.Errorf("by hand %v, but shown is\n%s", test.byHand, shown.String())
			}
			if !test.byHand {
				patchedFileIsClean(t, text, s, secrets)
			}
		})
	}
}

func holdImages(t *testing.T, draft *Draft, want []string) {
	t.Helper()
	var got []string
	if draft.definition != nil {
		for _, container := range draft.definition.TaskDefinition.ContainerDefinitions {
			got = append(got, aws.ToString(container.Image))
		}
	}
	ok := len(got) == len(want)
	for i := range want {
		ok = ok && strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("images %q, want %q", got, want)
	}
}

// patchedFileIsClean patches a file's definitions one after the other, and holds
// the result to having nothing left to patch.
func patchedFileIsClean(t *testing.T, text []byte, s taskdef.Settings, secrets taskdef.RegistrySecrets) {
	t.Helper()
	before := fmt.Sprint(len(ReadDrafts(text)))
	for i := range ReadDrafts(text) {
		drafts := ReadDrafts(text)
		judged, err := judge(context.Background(), s, drafts[i], secrets, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err = drafts[i].Patched(judged.edits); err != nil {
			t.Fatal(err)
		}
	}
	drafts := ReadDrafts(text)
	if got := fmt.Sprint(len(drafts)); got != before {
		t.Fatalf("%s definitions, %s before:\n%s", got, before, text)
	}
	for _, draft := range drafts {
		judged, err := judge(context.Background(), s, draft, secrets, nil)
		if err != nil || len(judged.edits) > 0 {
			t.Errorf("the patched file needs %v, %v:\n%s", judged.edits, err, text)
		}
		for _, f := range draft.findings {
			if strings.HasPrefix(f.Code, "file-invalid") || f.Code == "file-field-twice" {
				t.Errorf("the patched file: %s: %s\n%s", f.Code, f.Message, text)
			}
		}
	}
}
