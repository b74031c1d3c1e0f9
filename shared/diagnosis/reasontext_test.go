package diagnosis

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestReasonTextAsJSON(t *testing.T) {
	const text = "Asm fetching secret from the service for arn:aws:secretsmanager:us-east-1:123456789012:secret:r-AbCdEf: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/exec/0 is not authorized to perform: secretsmanager:GetSecretValue on resource: x because no identity-based policy allows the action"
	for name, call := range map[string]struct {
		args  []string
		stdin string
	}{
		"argument":       {[]string{"--reason", text, "--format", "json"}, ""},
		"standard input": {[]string{"--format=json", "--reason", "-"}, text + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := ReasonText(call.args, strings.NewReader(call.stdin), &stdout, &stderr); code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			var got map[string]any
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"id": "registry-secret-denied", "class": "", "object": "arn:aws:secretsmanager:us-east-1:123456789012:secret:r-AbCdEf",
				"deniedBy": "the role lacks it", "ours": "yes",
			}
			for field, value := range want {
				if got[field] != value {
					t.Errorf("%s is %q, want %q", field, got[field], value)
				}
			}
			if len(got) != 6 || !strings.Contains(got["advice"].(string), "The role exec may not read") {
				t.Errorf("fields are %v", got)
			}
		})
	}
}

func TestReasonTextForPeople(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := ReasonText([]string{"--reason", "ResourceInitializationError: \x1b[31m something new"}, nil, &stdout, &stderr)
	if code != 0 || !strings.HasPrefix(stdout.String(), "cause      unrecognised\nclass      ResourceInitializationError\n") || strings.Contains(stdout.String(), "\x1b") {
		t.Errorf("exit code %d, printed %q", code, stdout.String())
	}
}

func TestReasonTextWrongUse(t *testing.T) {
	for _, args := range [][]string{{"--reason"}, {"--reason", "a", "b"}, {"--reason", "a", "--format", "xml"}, {"--reason", "a", "--nope"}} {
		var stdout, stderr bytes.Buffer
		if code := ReasonText(args, nil, &stdout, &stderr); code != 2 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "usage:") {
			t.Errorf("%v: exit code %d, printed %q and %q", args, code, stdout.String(), stderr.String())
		}
	}
	if !AsksForReason([]string{"--reason=x"}) || AsksForReason([]string{"events/x.json"}) {
		t.Error("the flag isn't seen where it is")
	}
}
