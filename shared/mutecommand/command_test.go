package mutecommand_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mutecommand"
)

// bucket keeps objects; meanwhile changes one between a read and a write.
type bucket struct {
	objects   map[string]string
	meanwhile bool
	err       error
}

func (b *bucket) GetObject(_ context.Context, input *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	content, ok := b.objects[*input.Bucket+"/"+*input.Key]
	if b.err != nil {
		return nil, b.err
	}
	if !ok {
		return nil, &smithy.GenericAPIError{Code: "NoSuchKey"}
	}
	if b.meanwhile {
		b.objects[*input.Bucket+"/"+*input.Key] = content + " "
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(content)), ETag: aws.String(fmt.Sprint(len(content)))}, nil
}

func (b *bucket) PutObject(_ context.Context, input *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	content, ok := b.objects[*input.Bucket+"/"+*input.Key]
	if (input.IfNoneMatch == nil) == (input.IfMatch == nil) || input.IfNoneMatch != nil && ok || input.IfMatch != nil && *input.IfMatch != fmt.Sprint(len(content)) {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	body, err := io.ReadAll(input.Body)
	b.objects[*input.Bucket+"/"+*input.Key] = string(body)
	return &s3.PutObjectOutput{}, err
}

const (
	one  = `{"mutes":[{"subject":"role/web","code":"policy-retired","reason":"goes","until":"2026-12-31"}]}`
	told = `{"problems":[{"id":"0123456789abcdef.value-empty","subject":"s3://acme/it's\u001b[31m/ecs.config?versionId=1","code":"value-empty"}]}`
)

// command runs a command line in a shell, and gives what is printed.
func command(b *bucket, stdin, line string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	args := strings.Split(line, " ")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "_", " ")
	}
	code = mutecommand.Command(context.Background(), args, mutecommand.Shell{
		Load:  func(context.Context, string, string) (mutecommand.Storage, error) { return b, nil },
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &err, Now: func() time.Time { return time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC) },
	})
	return code, out.String(), err.String()
}

func TestCommand(t *testing.T) {
	const add = "--bucket b --subject role/batch --code policy-retired --reason until_January --until 2027-01-31"
	for name, test := range map[string]struct {
		document, stdin, line string
		code                  int
		stdout, stderr        string
		// mutes are those in the document afterwards.
		mutes string
	}{
		"list": {document: one, line: "--bucket b", stdout: "subject role/web, code policy-retired (goes; until 2026-12-31)", mutes: "role/web"},
		"list what has ended": {document: strings.Replace(one, "2026-12-31", "2026-01-01", 1), line: "--bucket b",
			stdout: "ended: subject role/web", mutes: "role/web"},
		"list nothing":     {line: "--bucket b", stdout: "Nothing is muted"},
		"add":              {document: one, stdin: "y\n", line: add, stdout: `+ { "subject": "role/batch", "code": "policy-retired", "reason": "until January", "until": "2027-01-31" }`, mutes: "role/web role/batch"},
		"add the first":    {stdin: "yes\n", line: add, stdout: "Written to s3://b/mute.json", mutes: "role/batch"},
		"add without a no": {document: one, stdin: "n\n", line: add, code: 2, stdout: "+ {", stderr: "nothing was written", mutes: "role/web"},
		"nobody to ask":    {document: one, line: add, code: 2, stderr: "nothing was written", mutes: "role/web"},
		"not asked":        {document: one, line: add + " --yes", stdout: "Written", mutes: "role/web role/batch"},
		"renew": {document: one, line: "--bucket b --subject role/web --code policy-retired --reason later --until 2027-06-30 --yes",
			stdout: `- { "subject": "role/web", "code": "policy-retired", "reason": "goes", "until": "2026-12-31" }`, mutes: "role/web"},
		"by id": {line: "--bucket b --id 0123456789abcdef.value-empty --reason lab --until 2027-01-31 --yes",
			stdout: `"subject": "s3://acme/it's\u001b[31m/ecs.config", "code": "value-empty"`, mutes: "s3://acme/it's\x1b[31m/ecs.config"},
		"by an unknown id": {line: "--bucket b --id 0123456789abcdef.value-quoted --reason lab --until 2027-01-31 --yes", code: 2, stderr: "give --subject and --code"},
		"remove":           {document: one, line: "--bucket b --remove --subject role/web --code policy-retired --yes", stdout: `- { "subject": "role/web"`},
		"remove another":   {document: one, line: "--bucket b --remove --subject role/web --yes", code: 2, stderr: "no such mute", mutes: "role/web"},
		"remove anything":  {document: one, line: "--bucket b --remove --yes", code: 2, stderr: "say what to remove", mutes: "role/web"},
		"everything":       {document: one, line: "--bucket b --subject * --reason x --until 2027-01-31 --yes", code: 2, stderr: "would mute everything", mutes: "role/web"},
		"over":             {document: one, line: "--bucket b --subject a --reason x --until 2026-01-31 --yes", code: 2, stderr: "2026-01-31 is over", mutes: "role/web"},
		"no day":           {document: one, line: "--bucket b --subject a --reason x --until tomorrow --yes", code: 2, stderr: "not a day", mutes: "role/web"},
		"no reason":        {document: one, line: "--bucket b --subject a --until 2027-01-31 --yes", code: 2, stderr: "--reason", mutes: "role/web"},
		"an unknown code":  {document: one, line: "--bucket b --code value-emtpy --reason x --until 2027-01-31 --yes", code: 2, stderr: "not a code", mutes: "role/web"},
		"a wrong document": {document: `{"mutes":[{"subject":"a"}]}`, line: add + " --yes", code: 2, stderr: "entry 1 of mute.json"},
		"no bucket":        {line: "--subject a", code: 2, stderr: "ReportBucket"},
		"an argument":      {line: "--bucket b list", code: 2, stderr: "not an option"},
		"help":             {line: "--help", stdout: "usage: sweep mute"},
	} {
		b := &bucket{objects: map[string]string{"b/told.json": told}}
		if test.document != "" {
			b.objects["b/mute.json"] = test.document
		}
		code, stdout, stderr := command(b, test.stdin, test.line)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) || strings.ContainsAny(stdout+stderr, "\x1b") {
			t.Errorf("%s: code %d\n%s%s", name, code, stdout, stderr)
		}
		if test.document == `{"mutes":[{"subject":"a"}]}` {
			continue
		}
		list, err := mute.Parse([]byte(b.objects["b/mute.json"]))
		if b.objects["b/mute.json"] == "" {
			err = nil
		}
		var mutes []string
		for _, each := range list.Mutes {
			mutes = append(mutes, each.Subject)
		}
		if got := strings.Join(mutes, " "); err != nil || got != test.mutes {
			t.Errorf("%s: the document has %q, %v", name, got, err)
		}
	}
}

// What somebody else writes meanwhile is not written over.
func TestConditional(t *testing.T) {
	b := &bucket{objects: map[string]string{"b/mute.json": one}, meanwhile: true}
	code, _, stderr := command(b, "", "--bucket b --subject a --reason x --until 2027-01-31 --yes")
	if code != 2 || !strings.Contains(stderr, "somebody else") || !strings.Contains(b.objects["b/mute.json"], "role/web") {
		t.Errorf("code %d, %s", code, stderr)
	}
	b = &bucket{err: errors.New("denied")}
	if code, _, stderr := command(b, "", "--bucket b"); code != 2 || !strings.Contains(stderr, "read s3://b/mute.json") {
		t.Errorf("code %d, %s", code, stderr)
	}
}
