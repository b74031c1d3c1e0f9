package release

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

const commit = "8bb707ac0ffe8bb707ac0ffe8bb707ac0ffe0123"

var moment = time.Date(2026, 11, 30, 11, 0, 0, 0, time.UTC)

// quick makes a release of the checkout's documents and template, with a line of
// text in place of each program: compiling all takes minutes.
func quick(t *testing.T, bucket string) Options {
	return Options{
		Checkout: checkout(t), Out: t.TempDir(), Platforms: Platforms, Complete: true, Bucket: bucket,
		Source: Source{Commit: commit, Tags: []string{"latest", "v" + version.Number}, Time: moment},
		Compile: func(_ context.Context, folder string, platform Platform, lambda bool, programs []string) error {
			for _, program := range programs {
				if platform.System == "windows" {
					program += ".exe"
				}
				if err := os.WriteFile(filepath.Join(folder, program), []byte(program+" for "+platform.Architecture), 0o755); err != nil {
					return err
				}
			}
			return nil
		},
		Materials: func(_ context.Context, file string) error { return os.WriteFile(file, []byte("{}"), 0o644) },
		Run:       Here("https://example.com/acme/guardrails", "dist -release", func(string) (string, bool) { return "", false }, moment),
		Now:       func() time.Time { return moment.Add(time.Minute) },
	}
}

func TestRelease(t *testing.T) {
	options := quick(t, "")
	names, err := Make(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	// Everything that is there is listed, and sha256sum agrees.
	var there []string
	if err := filepath.WalkDir(options.Out, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(options.Out, path)
			there = append(there, filepath.ToSlash(name))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(there)
	slices.Sort(names)
	if !slices.Equal(there, names) {
		t.Errorf("there are %q, and the release names %q", there, names)
	}
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", checksumFile)
	check.Dir = options.Out
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v %s", err, output)
	}
	sums := string(readFile(t, options.Out, checksumFile))
	if lines := strings.Count(sums, "\n"); lines != len(names)-1 {
		t.Errorf("%d of %d files have a checksum:\n%s", lines, len(names)-1, sums)
	}
	provenanceHolds(t, options.Out, names, sums)
	for _, architecture := range architectures {
		packagesHold(t, options.Out, architecture)
	}
	again := quick(t, "")
	if _, err := Make(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if twice := string(readFile(t, again.Out, checksumFile)); twice != sums {
		t.Errorf("the same commit makes other files:\n%s\n%s", sums, twice)
	}
}

func readFile(t *testing.T, folder, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// provenanceHolds: the statement has the digests of all other files, and the
// commit.
func provenanceHolds(t *testing.T, out string, names []string, sums string) {
	t.Helper()
	file := "ecs-guardrails-" + version.Number + ".intoto.json"
	var of statement
	if err := json.Unmarshal(readFile(t, out, file), &of); err != nil {
		t.Fatal(err)
	}
	for _, subject := range of.Subject {
		if !strings.Contains(sums, subject.Digest["sha256"]+"  "+subject.Name+"\n") {
			t.Errorf("the statement has %s with another digest than the checksums", subject.Name)
		}
	}
	// The statement and the checksums come after it.
	if len(of.Subject) != len(names)-2 {
		t.Errorf("the statement is about %d of %d files", len(of.Subject), len(names))
	}
	definition, details := of.Predicate.Definition, of.Predicate.Details
	if of.Type != "https://in-toto.io/Statement/v1" || of.Kind != "https://slsa.dev/provenance/v1" || definition.Dependencies[0].Digest["gitCommit"] != commit ||
		definition.External["version"] != version.Number || details.Builder["id"] == "" || details.Metadata.Ended.Sub(details.Metadata.Started) != time.Minute {
		t.Errorf("the statement is %+v", of)
	}
}

// packagesHold: the template of an architecture names a package of each function,
// and each holds the program that the runtime starts.
func packagesHold(t *testing.T, out string, architecture [2]string) {
	t.Helper()
	path := filepath.Join(out, "template-"+architecture[0]+".yaml")
	of, err := samtemplate.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := of.Render(nil, "aws", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	functions := 0
	for name, resource := range rendered.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		functions++
		uri, _ := resource.Properties["CodeUri"].(string)
		archive, err := zip.OpenReader(filepath.Join(out, uri))
		if err != nil {
			t.Errorf("%s has the code %q: %v", name, uri, err)
			continue
		}
		program, err := archive.Open("bootstrap")
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(program)
		if info := archive.File[0].FileInfo(); err != nil || info.Mode() != 0o755 || !strings.HasSuffix(string(content), " for "+architecture[1]) {
			t.Errorf("%s holds %q with mode %v, %v", uri, content, info.Mode(), err)
		}
		_ = archive.Close()
	}
	if functions != 7 {
		t.Errorf("%s has %d functions", path, functions)
	}
}

// validated has cfn-lint look at a template.
func validated(t *testing.T, path string) {
	t.Helper()
	programs, err := toolchain.Install(t.Context(), checkout(t), toolchain.SAM, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	lint := exec.CommandContext(t.Context(), filepath.Join(programs, "cfn-lint"), "--template", path)
	lint.Env = append(os.Environ(), "AWS_DEFAULT_REGION=us-east-1")
	if output, err := lint.CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, output)
	}
}

// TestReleaseInBucket: what the template names is in the bucket, before it.
func TestReleaseInBucket(t *testing.T) {
	const bucket = "acme-releases"
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			return
		}
		key, ours := strings.CutPrefix(r.URL.Path, "/"+bucket+"/")
		if r.Method != http.MethodPut || !ours {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		keys = append(keys, key)
	}))
	defer server.Close()
	client := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, UsePathStyle: true, Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("a", "b", "")),
	})
	region, err := Region(t.Context(), client, bucket)
	if err != nil || region != "eu-west-1" {
		t.Fatalf("the bucket is in %q, %v", region, err)
	}
	options := quick(t, bucket)
	names, err := Make(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if err := Upload(t.Context(), client, options.Out, bucket, version.Number, names); err != nil {
		t.Fatal(err)
	}
	prefix := "ecs-guardrails/" + version.Number + "/"
	if keys[len(keys)-1] != prefix+"template.yaml" {
		t.Errorf("the last upload is %s", keys[len(keys)-1])
	}
	path := filepath.Join(options.Out, "template.yaml")
	of, err := samtemplate.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, architecture := range architectures {
		rendered, err := of.Render(map[string]string{"Architecture": architecture[0]}, "aws", "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		for name, resource := range rendered.Resources {
			if resource.Type != "AWS::Serverless::Function" {
				continue
			}
			code, _ := resource.Properties["CodeUri"].(map[string]any)
			if key, _ := code["Key"].(string); code["Bucket"] != bucket || !slices.Contains(keys, key) || !strings.Contains(key, "/"+architecture[0]+"/") {
				t.Errorf("%s on %s has the code %v", name, architecture[0], code)
			}
		}
	}
	content := string(readFile(t, options.Out, "template.yaml"))
	for _, document := range documents[:2] {
		if !strings.Contains(content, "s3://"+bucket+"/"+prefix+document) || !slices.Contains(keys, prefix+document) {
			t.Errorf("%s isn't in the bucket for sam publish", document)
		}
	}
	validated(t, path)
	command, address, err := Deploy(t.Context(), path, bucket, region, version.Number)
	if err != nil || !strings.Contains(command, "--region eu-west-1 ") || !strings.Contains(command, "--s3-bucket "+bucket+" ") ||
		address != "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/quickcreate?templateURL=https%3A%2F%2Facme-releases.s3.eu-west-1.amazonaws.com%2Fecs-guardrails%2F"+version.Number+"%2Ftemplate.yaml&stackName=ecs-guardrails" {
		t.Errorf("%s\n%s\n%v", command, address, err)
	}
}

// TestSources: a release is of a commit, and of the version that its tag says.
func TestSources(t *testing.T) {
	development := version.Number + "-dev." + commit[:12]
	for name, test := range map[string]struct {
		source  Source
		version string
	}{
		"tagged":           {Source{Commit: commit, Tags: []string{"v" + version.Number}}, version.Number},
		"not tagged":       {Source{Commit: commit}, development},
		"another word":     {Source{Commit: commit, Tags: []string{"nightly"}}, development},
		"another version":  {Source{Commit: commit, Tags: []string{"v99.0.0"}}, ""},
		"tagged, modified": {Source{Commit: commit, Tags: []string{"v" + version.Number}, Modified: true}, development + ".modified"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := test.source.Version(); got != test.version || (err != nil) != (test.version == "") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	options := quick(t, "")
	options.Source.Modified = true
	if _, err := Make(t.Context(), options); err == nil || !strings.Contains(err.Error(), "commit") {
		t.Errorf("a modified tree is released: %v", err)
	}
	options.Complete = false
	if _, err := Make(t.Context(), options); err != nil {
		t.Errorf("a modified tree has no archives: %v", err)
	}
	if source, err := Head(t.Context(), checkout(t)); err != nil || len(source.Commit) != 40 || source.Time.IsZero() {
		t.Errorf("the checkout is at %+v, %v", source, err)
	}
}

func TestInvocation(t *testing.T) {
	variables := map[string]string{"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/guardrails", "GITHUB_RUN_ID": "42", "RUNNER_ENVIRONMENT": "self-hosted"}
	run := Here("https://example.com/other", "dist", func(name string) (string, bool) { value, ok := variables[name]; return value, ok }, moment)
	if run.Repository != "https://github.com/acme/guardrails" || run.ID != run.Repository+"/actions/runs/42" || !strings.HasSuffix(run.Builder, "/self-hosted") {
		t.Errorf("%+v", run)
	}
}

// TestTemplatesOfAnotherShape: a template that isn't understood makes none.
func TestTemplatesOfAnotherShape(t *testing.T) {
	functions, err := functionsOf(checkout(t))
	if err != nil {
		t.Fatal(err)
	}
	content := text(t, "template.yaml")
	for name, changed := range map[string]string{
		"code elsewhere":     strings.Replace(content, "CodeUri: functions/sweep/", "CodeUri: elsewhere/sweep/", 1),
		"another build":      strings.Replace(content, "      BuildMethod: go1.x", "      BuildMethod: makefile", 1),
		"another parameter":  strings.Replace(content, "AllowedValues: [arm64, x86_64]", "AllowedValues: &some [arm64]\n", 1),
		"a function is gone": strings.Replace(content, "CodeUri: functions/sweep/", "CodeUri: functions/notify/", 1),
	} {
		if _, err := inFolder([]byte(changed), functions, "x86_64"); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := inBucket([]byte(strings.Replace(content, "    LicenseUrl:", "    Licence:", 1)), functions, "b", "p"); err == nil {
		t.Error("without a license: it is taken")
	}
}
