package taskfile

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

var update = flag.Bool("update", false, "write the golden files, and the README's table of findings, again")

// golden compares with a file under testdata.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; make update writes it. Got:\n%s", path, got)
	}
}

// command runs patch-task-definition as a shell does.
func command(args, environ []string, open func(context.Context) *taskdef.Observer, stdin io.Reader, stdout, stderr io.Writer) int {
	return Command(environ, open, stderr).Run(context.Background(), args, stdin, stdout, stderr)
}

// nowhere is what a shell without credentials opens.
func nowhere(context.Context) *taskdef.Observer { return nil }

func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/file/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			environ := []string{}
			if strings.Contains(file, "replaced") || strings.Contains(file, "single") {
				environ = append(environ, "REPLACE_CREDENTIALS=yes", "EXECUTION_ROLE_ARN="+givenARN)
			}
			var stdout, stderr bytes.Buffer
			code := command([]string{"--file", "-",
				"--secret", "registry.example.com:5000=" + secretARN("shop"), "--secret=registry.gitlab.com/acme=" + secretARN("acme")},
				environ, nowhere, bytes.NewReader(text), &stdout, &stderr)
			if stderr.Len() > 0 {
				t.Errorf("standard error: %s", &stderr)
			}
			fmt.Fprintf(&stdout, "exit code %d\n", code)
			golden(t, strings.TrimSuffix(file, ".json")+".golden", stdout.Bytes())
			patchedIsClean(t, text, environ)
		})
	}
}

// patchedIsClean holds a patched file to three things: read again it needs
// nothing more, nothing but the patched fields differs, and the JSON patch
// makes the same of it.
func patchedIsClean(t *testing.T, text []byte, environ []string) {
	t.Helper()
	s := taskdef.Settings{}
	if len(environ) > 0 {
		s.ReplaceCredentials, s.ExecutionRoleARN = true, givenARN
	}
	secrets := testSecrets(t, "registry.example.com:5000", "registry.gitlab.com/acme", "docker.io/acme")
	draft := ReadDraft(text)
	before, err := judge(context.Background(), s, draft, secrets, nil)
	if err != nil || len(before.edits) == 0 {
		return
	}
	patched, err := draft.Patched(before.edits)
	if err != nil {
		t.Fatal(err)
	}
	again := ReadDraft(patched)
	after, err := judge(context.Background(), s, again, secrets, nil)
	if err != nil || len(after.edits) != 0 {
		t.Errorf("the patched file needs %v, %v:\n%s", after.edits, err, patched)
	}
	patch, err := draft.JSONPatch(before.edits)
	if err != nil {
		t.Fatal(err)
	}
	byPatch, byText := applied(t, text, patch), parsed(t, patched)
	if byPatch != byText {
		t.Errorf("the JSON patch makes\n%s\nof it, the text has\n%s", byPatch, byText)
	}
}

const givenARN = "arn:aws:iam::123456789012:role/guardrails-TaskExecutionRole-2DEF"

func secretARN(name string) string {
	return "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + name + "-AbCdEf"
}

func testSecrets(t *testing.T, registries ...string) taskdef.RegistrySecrets {
	t.Helper()
	var secrets taskdef.RegistrySecrets
	for _, registry := range registries {
		scope, err := image.ParseScope(registry)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.NewReplacer("/", "-", ":", "-", ".", "-").Replace(registry)
		secrets = append(secrets, taskdef.RegistrySecret{ARN: secretARN(name), Name: name, Scope: scope, Tags: map[string]string{taskdef.TagRegistry: registry}})
	}
	return secrets
}

// ReadDraft reads the one that a file has.
func ReadDraft(text []byte) *Draft { return ReadDrafts(text)[0] }

func parsed(t *testing.T, text []byte) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(bytes.TrimPrefix(text, byteOrderMark), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// applied carries a JSON patch out on a file (RFC 6902, as far as it is used).
func applied(t *testing.T, text []byte, patch string) string {
	t.Helper()
	var document any
	var operations []taskdef.Operation
	if err := json.Unmarshal(bytes.TrimPrefix(text, byteOrderMark), &document); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(patch), &operations); err != nil {
		t.Fatal(err)
	}
	for _, op := range operations {
		steps := strings.Split(op.Path, "/")[1:]
		at := document
		for _, step := range steps[:len(steps)-1] {
			switch of := at.(type) {
			case map[string]any:
				at = of[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
			case []any:
				i, err := strconv.Atoi(step)
				if err != nil || i >= len(of) {
					t.Fatalf("no %s in the document", op.Path)
				}
				at = of[i]
			}
		}
		holder, ok := at.(map[string]any)
		last := steps[len(steps)-1]
		_, there := holder[last]
		if !ok || op.Op != "add" && !there {
			t.Fatalf("%s %s does not apply", op.Op, op.Path)
		}
		if op.Op == "remove" {
			delete(holder, last)
		} else {
			holder[last] = op.Value
		}
	}
	out, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestFilesOfTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	for path, text := range map[string]string{
		good: `{"family": "a", "containerDefinitions": [{"name": "a", "image": "nginx", "memory": 64}]}`,
		bad:  `{"family": "a b", "containerDefinitions": []}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := "--secret=docker.io/acme=" + secretARN("hub")
	tests := map[string]struct {
		args    []string
		environ []string
		code    int
		out     string
	}{
		"one good":                   {[]string{"--file", good, secret}, nil, exitcode.OK, "1 file: 0 errors, 0 warnings, 0 info"},
		"one bad":                    {[]string{"--file", bad, secret}, nil, exitcode.Findings, "name-invalid"},
		"both":                       {[]string{"--file", good, bad, secret}, nil, exitcode.Findings, "2 files: "},
		"both, each with the option": {[]string{"--file", good, secret, "--file", bad}, nil, exitcode.Findings, "name-invalid"},
		"without credentials":        {[]string{"--file", good}, nil, exitcode.OK, "no AWS credentials"},
		"help":                       {[]string{"--help"}, nil, exitcode.OK, "usage:"},
		"no file":                    {[]string{secret}, nil, exitcode.CouldNotRun, "no file is named"},
		"a file that is not there":   {[]string{"--file", filepath.Join(dir, "none.json"), secret}, nil, exitcode.CouldNotRun, "none.json"},
		"an option that is not":      {[]string{"--file", good, "--force"}, nil, exitcode.CouldNotRun, "-force"},
		"a secret without registry":  {[]string{"--file", good, "--secret", secretARN("hub")}, nil, exitcode.CouldNotRun, "REGISTRY=ARN"},
		"a secret without ARN":       {[]string{"--file", good, "--secret", "docker.io=arn:aws:ssm:us-east-1:123456789012:parameter/x"}, nil, exitcode.CouldNotRun, "Secrets Manager"},
		"a setting that is not":      {[]string{"--file", good, secret}, []string{"REPLACE_CREDENTIALS=maybe"}, exitcode.CouldNotRun, "maybe"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var output bytes.Buffer
			if code := command(test.args, test.environ, nowhere, strings.NewReader(""), &output, &output); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(output.String(), test.out) {
				t.Errorf("%q is not in\n%s", test.out, &output)
			}
		})
	}
}

func FuzzReadDraft(f *testing.F) {
	files, err := filepath.Glob("testdata/f*/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") || strings.HasPrefix(file, "testdata/fuzz/") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := taskdef.Settings{ReplaceCredentials: true, ExecutionRoleARN: givenARN}
		draft := ReadDraft(text)
		judged, err := judge(context.Background(), s, draft, testSecrets(t, "docker.io", "registry.example.com:5000"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := judged.writeChanges(new(strings.Builder), "file", draft); err != nil {
			t.Fatal(err)
		}
		for _, f := range judged.findings {
			if f.Line < 1 || f.Column < 1 {
				t.Errorf("%s has no place: %s", f.Code, f.Message)
			}
		}
		if shown := masked(text); shown != nil && len(shown) != len(text) {
			t.Errorf("%d bytes are shown as %d", len(text), len(shown))
		}
		if len(judged.edits) == 0 {
			return
		}
		patched, err := draft.Patched(judged.edits)
		if err != nil {
			t.Fatal(err)
		}
		again, err := judge(context.Background(), s, ReadDraft(patched), testSecrets(t, "docker.io", "registry.example.com:5000"), nil)
		again.edits = slices.DeleteFunc(again.edits, func(edit taskdef.Edit) bool { return draft.byHand(edit) != "" })
		if err != nil || len(again.edits) != 0 {
			t.Errorf("%q\nbecomes\n%q\nwhich needs %v, %v", text, patched, again.edits, err)
		}
		if !json.Valid(bytes.TrimPrefix(text, byteOrderMark)) {
			return
		}
		patch, err := draft.JSONPatch(judged.edits)
		if err != nil {
			t.Fatal(err)
		}
		if patch == "" {
			return
		}
		if byPatch, byText := applied(t, text, patch), parsed(t, patched); byPatch != byText {
			t.Errorf("%q\nbecomes\n%s\nby the patch, and by the text\n%s", text, byPatch, byText)
		}
	})
}

// TestWriteAndFormats: what is written is clean when it is judged again, and the
// other formats are what their readers take.
func TestWriteAndFormats(t *testing.T) {
	file := filepath.Join(t.TempDir(), "taskdef.yaml")
	text, err := os.ReadFile("testdata/format/several-documents.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := []string{"--secret", "registry.example.com:5000=" + secretARN("shop"), "--secret=registry.gitlab.com/acme=" + secretARN("acme")}
	run := func(args ...string) (string, int) {
		var output bytes.Buffer
		code := command(append(append([]string{file}, secrets...), args...), nil, nowhere, strings.NewReader(""), &output, &output)
		return output.String(), code
	}
	for format, holds := range map[string]string{"json": `"credential-missing"`, "sarif": `"2.1.0"`, "github": "::error file="} {
		if output, code := run("--format", format); code != exitcode.Findings || !strings.Contains(output, holds) {
			t.Errorf("%s: exit code %d, %s", format, code, output)
		}
	}
	if _, code := run("--fail-on", "never"); code != exitcode.OK {
		t.Errorf("--fail-on never: exit code %d", code)
	}
	if output, code := run("--write"); code != exitcode.Findings {
		t.Errorf("--write: exit code %d, %s", code, output)
	}
	if output, code := run(); code != exitcode.OK || strings.Contains(output, "credential-missing") {
		t.Errorf("judged again: exit code %d, %s", code, output)
	}
}

// TestAFieldThatStandsTwiceGoesTwice: taken away once, it would leave the other
// one to count.
func TestAFieldThatStandsTwiceGoesTwice(t *testing.T) {
	const image = `"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web"`
	const credentials = `"repositoryCredentials": {"credentialsParameter": "x"}`
	for name, members := range map[string][]string{
		"side by side":  {image, credentials, credentials},
		"at both ends":  {credentials, image, credentials},
		"at the front":  {credentials, credentials, image, `"cpu": 1`},
		"around others": {image, credentials, `"cpu": 1`, credentials, `"memory": 64`},
	} {
		draft := ReadDraft([]byte(`{"containerDefinitions": [{` + strings.Join(members, ", ") + `}], "executionRoleArn": "r"}`))
		judged, err := judge(context.Background(), taskdef.Settings{ReplaceCredentials: true}, draft, testSecrets(t, "docker.io"), nil)
		if err != nil || len(judged.edits) != 1 {
			t.Fatalf("%s: %v, %v", name, judged.edits, err)
		}
		patched, err := draft.Patched(judged.edits)
		if err != nil || strings.Contains(string(patched), "repositoryCredentials") || !json.Valid(patched) {
			t.Errorf("%s: %s, %v", name, patched, err)
		}
	}
}

// TestWhatIsNoContainerKeepsItsPlace: the credential goes to the container that
// needs it, whatever stands before it in the list.
func TestWhatIsNoContainerKeepsItsPlace(t *testing.T) {
	for before, list := range map[string]string{
		"a null":        `{"containerDefinitions": [null, {"image": "acme/web"}], "executionRoleArn": "r"}`,
		"a placeholder": `{"containerDefinitions": [{{ sidecar }}, {"image": "acme/web"}], "executionRoleArn": "r"}`,
		"a function":    `{"ContainerDefinitions": [{"Fn::If": ["Traced", {"Ref": "X"}, {"Ref": "Y"}]}, {"Image": "acme/web"}], "ExecutionRoleArn": "r"}`,
	} {
		draft := ReadDraft([]byte(list))
		judged, err := judge(context.Background(), taskdef.Settings{}, draft, testSecrets(t, "docker.io/acme"), nil)
		if err != nil || len(judged.edits) != 1 {
			t.Fatalf("after %s: %v, %v", before, judged.edits, err)
		}
		patched, err := draft.Patched(judged.edits)
		if err != nil || strings.Index(string(patched), "epositoryCredentials") < strings.Index(string(patched), "acme/web") {
			t.Errorf("after %s: %s, %v", before, patched, err)
		}
		if patch, err := draft.JSONPatch(judged.edits); err != nil || !strings.Contains(patch, "ontainerDefinitions/1/") {
			t.Errorf("after %s: %s, %v", before, patch, err)
		}
	}
}

// TestBarePlaceholdersKeepTheirPlaces: a file that is no JSON yet is patched all
// the same, and keeps every other byte.
func TestBarePlaceholdersKeepTheirPlaces(t *testing.T) {
	const text = `{"containerDefinitions": [{"memory": ${MEMORY}, "image": "acme/web:{{ tag }}", "cpu": {{ cpu }}}], "executionRoleArn": "r"}`
	draft := ReadDraft([]byte(text))
	judged, err := judge(context.Background(), taskdef.Settings{}, draft, testSecrets(t, "docker.io/acme"), nil)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := draft.Patched(judged.edits)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(text, `tag }}"`, `tag }}", "repositoryCredentials": {"credentialsParameter":"`+secretARN("docker-io-acme")+`"}`, 1)
	if string(patched) != want {
		t.Errorf("got  %s\nwant %s", patched, want)
	}
}

func TestPlaceholdersOfManyTools(t *testing.T) {
	for _, placeholder := range []string{
		"${MEMORY}", "$MEMORY", "$(MEMORY)", "{{ memory }}", "{{memory}}", "((memory))", "<MEMORY>", "<%= memory %>", "#{MEMORY}#", "%MEMORY%", "__MEMORY__", "@MEMORY@",
	} {
		for _, value := range []string{placeholder, strconv.Quote(placeholder)} {
			draft := ReadDraft([]byte(`{"family": "a", "containerDefinitions": [{"name": "a", "memory": ` + value + `, "image": "` + placeholder + `", "cpu": ` + value + `}]}`))
			for _, f := range draft.findings {
				if f.Code != "file-placeholder" {
					t.Errorf("%s: %+v", value, f)
				}
			}
			if judged, err := judge(context.Background(), taskdef.Settings{}, draft, nil, nil); err != nil || len(judged.findings) != 3 {
				t.Errorf("%s: %+v, %v", value, judged.findings, err)
			}
		}
	}
}

func TestWhichImagesAreFilledInLater(t *testing.T) {
	for image, want := range map[string]string{
		"acme/web:${TAG}":                  "acme/web",
		"acme/web@<DIGEST>":                "acme/web",
		"acme/web:RELEASE_2024":            "acme/web",
		"acme/web:1.0":                     "acme/web:1.0",
		"localhost:5000/web:{{ tag }}":     "localhost:5000/web",
		"$REGISTRY/web:$TAG":               "$REGISTRY/web:$TAG",
		"registry.example.com:$PORT/web:1": "registry.example.com:$PORT/web:1",
		"<IMAGE>":                          "<IMAGE>",
	} {
		if got := withoutOpenTag(image); got != want {
			t.Errorf("%s: got %s, want %s", image, got, want)
		}
	}
}

func TestDeepFilesAreRefused(t *testing.T) {
	draft := ReadDraft([]byte(strings.Repeat("[", 1_000_000)))
	if len(draft.findings) != 1 || draft.findings[0].Code != "file-invalid" {
		t.Errorf("%+v", draft.findings)
	}
}

// TestFileFaults has a file for each finding about the file itself.
func TestFileFaults(t *testing.T) {
	const containers = `"containerDefinitions": [{"name": "a", "image": "nginx", "memory": 64}]`
	for code, text := range map[string]string{
		"file-invalid":       `{"family": "a", ` + containers,
		"file-format-other":  "services:\n  web:\n    image: nginx\n",
		"file-not-literal":   "resource \"aws_ecs_task_definition\" \"a\" {\n  family                = \"a\"\n  container_definitions = file(\"containers.json\")\n}\n",
		"file-field-unknown": `{"family": "a", "NetworkMode": "bridge", ` + containers + `}`,
		"file-field-twice":   `{"family": "a", "family": "b", ` + containers + `}`,
		"file-type-wrong":    `{"family": ["a"], ` + containers + `}`,
		"file-type-lenient":  `{"family": "a", "memory": 512, ` + containers + `}`,
		"file-placeholder":   `{"family": "a", "memory": "512", "containerDefinitions": [{"name": "a", "image": "nginx", "memory": "${MEMORY}"}]}`,
	} {
		if codes, said := codesOf(t, text); !slices.Contains(codes, code) {
			t.Errorf("%s is not among %v\n%s", code, codes, said)
		}
	}
}
