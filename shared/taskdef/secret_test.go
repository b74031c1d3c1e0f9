package taskdef

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// canary stands where a password does; no report may have it.
const canary = "canary-pw-7Q"

func TestSecretsThatContainersName(t *testing.T) {
	mine := secrettypes.SecretListEntry{ARN: aws.String(secretARN("mine")), Name: aws.String("mine")}
	tests := map[string]struct {
		image, credential string
		arrange           func(*stack)
		status            finding.Status
		codes             []string
		says              string
	}{
		"it exists":           {"nginx", "mine", func(s *stack) { s.secrets.untagged["mine"] = mine }, finding.Compliant, nil, ""},
		"by its ARN":          {"nginx", secretARN("mine"), func(s *stack) { s.secrets.untagged[secretARN("mine")] = mine }, finding.Compliant, nil, ""},
		"it does not exist":   {"nginx", "mine", nil, finding.Noncompliant, []string{"credential-gone"}, "doesn't exist"},
		"another one serves":  {"registry.example.com/a", "mine", nil, finding.Noncompliant, []string{"credential-differs", "credential-gone"}, secretARN("shop")},
		"and takes its place": {"registry.example.com/a", "mine", func(s *stack) { s.settings.ReplaceCredentials = true }, finding.Remediated, []string{"credential-differs"}, "mine"},
		"its time is up":      {"nginx", "mine", func(s *stack) { gone := mine; gone.DeletedDate = aws.Time(s.now); s.secrets.untagged["mine"] = gone }, finding.Noncompliant, []string{"credential-gone"}, "scheduled for deletion"},
		"a tagged one's, too": {"registry.example.com/a", "shop", func(s *stack) { s.secrets.entries[0].DeletedDate = aws.Time(s.now) }, finding.Noncompliant, []string{"credential-gone"}, "scheduled for deletion"},
		"we may not look":     {"nginx", "mine", func(s *stack) { s.secrets.readErr = &smithy.GenericAPIError{Code: "AccessDeniedException"} }, finding.Compliant, nil, ""},
		"it is busy":          {"nginx", "mine", func(s *stack) { s.secrets.readErr = &smithy.GenericAPIError{Code: "ThrottlingException"} }, finding.Failed, []string{"call-retried"}, ""},
		"elsewhere, no look":  {"nginx", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mine-AbCdEf", nil, finding.Compliant, []string{"credential-in-other-region"}, ""},
		"no JSON":             {"registry.example.com/a", "shop", value("user:" + canary), finding.Noncompliant, []string{"secret-keys"}, "not a JSON object"},
		"null":                {"registry.example.com/a", "shop", value("null"), finding.Noncompliant, []string{"secret-keys"}, "no text under"},
		"a list":              {"registry.example.com/a", "shop", value(`["` + canary + `"]`), finding.Noncompliant, []string{"secret-keys"}, "not a JSON object"},
		"other keys":          {"registry.example.com/a", "shop", value(`{"user":"u","pass":"` + canary + `"}`), finding.Noncompliant, []string{"secret-keys"}, `no text under "username", and it has no text under "password"`},
		"ECR's cache's keys":  {"registry.example.com/a", "shop", value(`{"username":"u","accessToken":"` + canary + `"}`), finding.Noncompliant, []string{"secret-keys"}, `no text under "password"`},
		"a number":            {"registry.example.com/a", "shop", value(`{"username":"u","password":123456789}`), finding.Noncompliant, []string{"secret-keys"}, `no text under "password"`},
		"keys in capitals":    {"registry.example.com/a", "shop", value(`{"Username":"u","PASSWORD":"` + canary + `"}`), finding.Compliant, nil, ""},
		"an empty password":   {"registry.example.com/a", "shop", value(`{"username":"u","password":""}`), finding.Noncompliant, []string{"secret-keys"}, `no text under "password"`},
		"more keys":           {"registry.example.com/a", "shop", value(`{"username":"u","password":"` + canary + `","email":"e"}`), finding.Compliant, nil, ""},
		"binary":              {"registry.example.com/a", "shop", value("binary"), finding.Noncompliant, []string{"secret-keys"}, "binary"},
		"no value":            {"registry.example.com/a", "shop", value(""), finding.Noncompliant, []string{"secret-keys"}, "no value"},
		"nobody asked":        {"registry.example.com/a", "shop", func(s *stack) { value("x")(s); s.settings.CheckSecretKeys = false }, finding.Compliant, nil, ""},
		"and the role, too":   {"registry.example.com/a", "shop", func(s *stack) { value("x")(s); s.iam.roles[roleName] = &fakeRole{trust: trustsECS} }, finding.Noncompliant, []string{"secret-keys", "execution-role-secret"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			s.secrets.untagged = map[string]secrettypes.SecretListEntry{}
			s.secrets.values = map[string]string{}
			if test.arrange != nil {
				test.arrange(s)
			}
			s.ecs.add(registration("app", withCredential(container("web", test.image), test.credential)))
			result := s.look("app")
			wantResult(t, result, test.status, test.codes...)
			report, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(report), `\"`, `"`)
			if !strings.Contains(text, test.says) {
				t.Errorf("%q is not said in %s", test.says, text)
			}
			if strings.Contains(text, canary) || strings.Contains(text, "123456789,") {
				t.Errorf("a part of the value is in %s", text)
			}
		})
	}
}

func value(text string) func(*stack) {
	return func(s *stack) { s.secrets.values[secretARN("shop")] = text }
}

func TestSoundSecretsAreRemembered(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.secrets.untagged = map[string]secrettypes.SecretListEntry{"mine": {ARN: aws.String(secretARN("mine")), Name: aws.String("mine")}}
	s.secrets.values = map[string]string{}
	s.ecs.add(registration("app", withCredential(container("a", "registry.example.com/a"), "shop"), withCredential(container("b", "nginx"), "mine")))
	reads := func() int {
		s.secrets.reads = nil
		s.look("app")
		return len(s.secrets.reads)
	}
	if got := reads(); got != 2 {
		t.Errorf("cold: %d reads", got)
	}
	if got := reads(); got != 0 {
		t.Errorf("warm: %d reads", got)
	}
	s.now = s.now.Add(soundTTL + time.Second)
	value("wrong")(s)
	if got := reads(); got != 2 {
		t.Errorf("later: %d reads", got)
	}
	if got := reads(); got != 1 {
		t.Errorf("what is wrong is read again: %d reads", got)
	}
}
