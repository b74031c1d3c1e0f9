package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		args    []string
		problem string
		check   func(arguments) bool
	}{
		"nothing":              {nil, "", func(a arguments) bool { return len(a.Only) == 0 && a.format == "text" && a.fails == "error" }},
		"kinds":                {[]string{"--only", "roles,secrets"}, "", func(a arguments) bool { return len(a.Only) == 2 && a.Only[1] == sweep.Secrets }},
		"a role narrows":       {[]string{"--role", "ecs*"}, "", func(a arguments) bool { return len(a.Only) == 1 && a.Only[0] == sweep.Roles }},
		"a family and a role":  {[]string{"--family", "web-*", "--role=x"}, "", func(a arguments) bool { return len(a.Only) == 2 }},
		"regions":              {[]string{"--region", "eu-west-1,us-east-1", "--region", "eu-north-1"}, "", func(a arguments) bool { return len(a.regions) == 3 }},
		"an unknown kind":      {[]string{"--only", "lambdas"}, "lambdas", nil},
		"an unknown format":    {[]string{"--format", "xml"}, "xml", nil},
		"an unknown severity":  {[]string{"--fail-on", "info"}, "info", nil},
		"a broken pattern":     {[]string{"--family", "[a"}, "[a", nil},
		"a word too many":      {[]string{"roles"}, "roles", nil},
		"an option that isn't": {[]string{"--fix"}, "fix", nil},
	} {
		asked, err := parse(test.args)
		switch {
		case test.problem == "" && (err != nil || !test.check(asked)):
			t.Errorf("%s: %+v, %v", name, asked, err)
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
			t.Errorf("%s: %v does not name %q", name, err, test.problem)
		}
	}
	if _, err := parse([]string{"--help"}); !errors.Is(err, errHelp) {
		t.Errorf("--help: %v", err)
	}
}

// TestOnlyReadsAreAllowed: whatever the list grows to, it has no write, and
// nothing that reads a secret unless it was asked for.
func TestOnlyReadsAreAllowed(t *testing.T) {
	for service, operations := range Operations {
		for _, operation := range operations {
			reads := false
			for _, prefix := range []string{"Get", "List", "Describe", "Head", "Simulate"} {
				reads = reads || strings.HasPrefix(operation, prefix)
			}
			if !reads || operation == "GetSecretValue" || operation == "GetSessionToken" || operation == "GetFederationToken" {
				t.Errorf("%s: %s is no read of a configuration", service, operation)
			}
		}
	}
	if (Options{}).allows("Secrets Manager", "GetSecretValue") || !(Options{SecretValues: true}).allows("Secrets Manager", "GetSecretValue") {
		t.Error("the values of secrets are read if and only if that was asked for")
	}
	if (Options{SecretValues: true}).allows("ECS", "RegisterTaskDefinition") {
		t.Error("a write is allowed")
	}
}

// aws answers every call like an account without permissions, but for who asks.
func awsThatDenies(t *testing.T) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body)
		if strings.Contains(body.String(), "Action=GetCallerIdentity") {
			_, _ = w.Write([]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
			return
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"__type": "AccessDeniedException", "message": "no"}`))
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
}

func TestWhatCannotBeListedIsAFinding(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "report")
	load := func(context.Context, string, string) (aws.Config, error) { return awsThatDenies(t), nil }
	var stdout, stderr bytes.Buffer
	code := Command(t.Context(), []string{"--output", folder, "--format", "json", "--fail-on", "warning"}, nil, load, &stdout, &stderr)
	if code != exitcode.Findings {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	var summaries []sweepreport.Summary
	if err := json.Unmarshal(stdout.Bytes(), &summaries); err != nil || len(summaries) != 1 || summaries[0].Account != "123456789012" {
		t.Fatalf("%v: %s", err, &stdout)
	}
	denied := map[string]bool{}
	for _, result := range summaries[0].Results {
		findingtest.Saw(result.Findings...)
		for _, f := range result.Findings {
			denied[result.Kind] = denied[result.Kind] || f.Code == CodeUnlisted
		}
	}
	for _, kind := range []sweep.Kind{sweep.Roles, sweep.TaskDefinitions, sweep.Secrets, sweep.ConfigObjects, Tasks} {
		if !denied[string(kind)] {
			t.Errorf("%s: no word that it can't be listed", kind)
		}
	}
	for _, name := range []string{"report.html", "report.json", "report.sarif"} {
		if content, err := os.ReadFile(filepath.Join(folder, name)); err != nil || len(content) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// awsWithSecrets answers as an account with registry secrets of these tags, and
// counts what is asked of Secrets Manager.
func awsWithSecrets(t *testing.T, calls *sync.Map, secrets map[string]map[string]string) aws.Config {
	t.Helper()
	described := func(name string) map[string]any {
		var tags []map[string]string
		for key, value := range secrets[name] {
			tags = append(tags, map[string]string{"Key": key, "Value": value})
		}
		return map[string]any{"ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:" + name, "Name": name, "Tags": tags,
			"VersionIdsToStages": map[string][]string{"11111111-1111-1111-1111-111111111111": {"AWSCURRENT"}}}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var asked struct {
			SecretID string `json:"SecretId"`
		}
		_ = json.Unmarshal(body, &asked)
		calls.Store(operation, true)
		var answer any
		switch {
		case strings.Contains(string(body), "Action=GetCallerIdentity"):
			_, _ = w.Write([]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
			return
		case operation == "ListSecrets":
			var list []any
			for name := range secrets {
				list = append(list, described(name))
			}
			answer = map[string]any{"SecretList": list}
		case operation == "DescribeSecret":
			answer = described(asked.SecretID[strings.LastIndexByte(asked.SecretID, ':')+1:])
		case operation == "GetSecretValue":
			answer = map[string]any{"SecretString": `{"user":"puller"}`, "VersionId": "11111111-1111-1111-1111-111111111111", "VersionStages": []string{"AWSCURRENT"}}
		default:
			w.WriteHeader(http.StatusForbidden)
			answer = map[string]string{"__type": "AccessDeniedException", "message": "no"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
}

// TestSecretsAreJudged: by their descriptions alone, and by their values only
// where that was asked for.
func TestSecretsAreJudged(t *testing.T) {
	secrets := map[string]map[string]string{
		"still":   {"ecs-guardrails:driver": "manual", "ecs-guardrails:registry": "registry.invalid"},
		"unknown": {"ecs-guardrails:driver": "manuall", "ecs-guardrails:registry": "other.invalid"},
	}
	for name, test := range map[string]struct {
		values bool
		want   map[string][]string
	}{
		"descriptions": {false, map[string][]string{"still": {"rotation-off"}, "unknown": {"driver-unknown", "rotation-off"}}},
		"values":       {true, map[string][]string{"still": {"rotation-off", "secret-shape"}, "unknown": {"driver-unknown", "rotation-off"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls sync.Map
			summary, err := Region(t.Context(), Options{Only: []sweep.Kind{sweep.Secrets}, SecretValues: test.values}, nil,
				awsWithSecrets(t, &calls, secrets), time.Now, func(sweep.Kind, int, int) {})
			if err != nil {
				t.Fatal(err)
			}
			if _, read := calls.Load("GetSecretValue"); read != test.values {
				t.Errorf("a value was read: %v", read)
			}
			got := map[string][]string{}
			for _, result := range summary.Results {
				var codes []string
				for _, f := range result.Findings {
					codes = append(codes, f.Code)
				}
				slices.Sort(codes)
				got[result.Subject[strings.LastIndexByte(result.Subject, ':')+1:]] = codes
			}
			if !maps.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestBucketsAreListedSideBySide: as many at once as are allowed, and reported in
// their order. One that can't be listed keeps no other from being listed.
func TestBucketsAreListedSideBySide(t *testing.T) {
	var buckets []string
	for n := range 3 * bucketsSideBySide {
		buckets = append(buckets, fmt.Sprintf("bucket-%02d", n))
	}
	var mutex sync.Mutex
	running, most := 0, 0
	full := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		running++
		if most = max(most, running); running == bucketsSideBySide && most == running {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mutex.Unlock()
		// The first ones wait for each other.
		select {
		case <-full:
		case <-r.Context().Done():
		}
		defer func() {
			mutex.Lock()
			defer mutex.Unlock()
			running--
		}()
		bucket := strings.Trim(r.URL.Path, "/")
		if bucket == "bucket-05" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`<Error><Code>AccessDenied</Code></Error>`))
			return
		}
		_, _ = w.Write([]byte(`<ListBucketResult><Contents><Key>ecs.config</Key></Contents></ListBucketResult>`))
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	listed, err := newListed(t, server.URL, buckets).listObjects(ctx)
	if err != nil || most != bucketsSideBySide {
		t.Errorf("%d at once, %v", most, err)
	}
	var want []string
	for _, bucket := range buckets {
		if bucket != "bucket-05" {
			want = append(want, "s3://"+bucket+"/ecs.config")
		}
	}
	if !slices.Equal(listed.names, want) || listed.listed != len(want) || len(listed.findings) != 1 || !strings.Contains(listed.findings[0].Message, "bucket-05") {
		t.Errorf("listed %+v", listed)
	}
}

// newListed is an account of which these buckets are listed.
func newListed(t *testing.T, endpoint string, buckets []string) *account {
	t.Helper()
	configuration := aws.Config{Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
	a, err := newAccount(Options{Buckets: buckets}, nil, configuration, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWhatATerminalObeysIsNotWritten(t *testing.T) {
	var text bytes.Buffer
	summary := sweepreport.Summary{Results: []sweepreport.Result{{Kind: "config-objects", Result: finding.Result{
		Subject: "s3://b/\x1b[2Jecs.config", Status: finding.Noncompliant,
		Findings: []finding.Finding{{Code: "x", Severity: finding.Error, Message: "red\u009b31m\u202e", Fix: "a\rb"}},
	}}}}
	if err := Write(&text, []sweepreport.Summary{summary}, 20); err != nil {
		t.Fatal(err)
	}
	for _, obeyed := range []string{"\x1b", "\u009b", "\r", "\u202e"} {
		if strings.Contains(text.String(), obeyed) {
			t.Errorf("%q stands in %q", obeyed, text.String())
		}
	}
}

func TestWorst(t *testing.T) {
	of := func(severities ...finding.Severity) []sweepreport.Summary {
		var result finding.Result
		for _, severity := range severities {
			result.Findings = append(result.Findings, finding.Finding{Severity: severity})
		}
		return []sweepreport.Summary{{Results: []sweepreport.Result{{Result: result}}}}
	}
	for want, summaries := range map[finding.Severity][]sweepreport.Summary{
		"": of(finding.Info), finding.Warning: of(finding.Info, finding.Warning), finding.Error: of(finding.Warning, finding.Error),
	} {
		if got := Worst(summaries); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

var update = flag.Bool("update", false, "write the policy into docs/scan.md")

// TestThePolicyIsDocumented: what docs/scan.md tells people to allow is what a
// scan may send.
func TestThePolicyIsDocumented(t *testing.T) {
	const path = "../../docs/scan.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(content), "<!-- begin scan-policy, written by go test ./shared/scan -update -->\n")
	_, after, ends := strings.Cut(rest, "<!-- end scan-policy -->\n")
	if !begins || !ends {
		t.Fatal("docs/scan.md has no place for the policy")
	}
	want := before + "<!-- begin scan-policy, written by go test ./shared/scan -update -->\n```json\n" + Policy() + "\n```\n<!-- end scan-policy -->\n" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(content) {
		t.Error("the policy in docs/scan.md is not that of the code: run go test ./shared/scan -update")
	}
	for service := range Operations {
		if prefixes[service] == "" {
			t.Errorf("%s has no IAM prefix", service)
		}
	}
}
