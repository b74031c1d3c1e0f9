package configobject_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestReaders(t *testing.T) {
	const (
		key  = "arn:aws:kms:us-east-1:123456789012:key/0123"
		none = "s3:GetObject kms:Decrypt"
	)
	many := map[string]string{}
	for i := range 30 {
		many[fmt.Sprintf("fleet-%02d", i)] = none
	}
	policyOf := func(principal string) string {
		return `{"Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:Get*","Resource":"arn:aws:s3:::acme/*"},` + tlsOnly[len(`{"Statement":`):len(tlsOnly)-1] + `]}`
	}
	tests := map[string]struct {
		readers            map[string]string
		policy             string
		defaultKey, object string
		denied             string
		want               string // the codes
		says               string
		status             finding.Status
	}{
		"none known":              {status: finding.Compliant},
		"it can":                  {readers: map[string]string{"fleet": ""}, status: finding.Compliant},
		"it cannot":               {readers: map[string]string{"fleet": none}, want: "file-unreadable-by-roles", says: "fleet lacks s3:GetObject.", status: finding.Noncompliant},
		"one of two can":          {readers: map[string]string{"dev": none, "prod": ""}, want: "file-unreadable-by-role", says: "dev lacks", status: finding.Compliant},
		"many cannot":             {readers: many, want: "file-unreadable-by-role", says: "fleet-04 lacks s3:GetObject and 15 more", status: finding.Compliant},
		"the bucket lets it":      {readers: map[string]string{"fleet": none}, policy: policyOf(`{"AWS":"arn:aws:iam::123456789012:role/fleet"}`), status: finding.Compliant},
		"the bucket lets another": {readers: map[string]string{"fleet": none}, policy: policyOf(`{"AWS":"arn:aws:iam::123456789012:role/other"}`), want: "file-unreadable-by-roles", status: finding.Noncompliant},
		"the bucket lets those of its account": {
			readers: map[string]string{"fleet": none}, policy: policyOf(`{"AWS":"arn:aws:iam::123456789012:root"}`), want: "file-unreadable-by-roles", status: finding.Noncompliant,
		},
		"the customer's key": {
			readers: map[string]string{"fleet": "kms:Decrypt"}, defaultKey: "0123", object: key, want: "file-unreadable-by-roles", says: "fleet lacks kms:Decrypt", status: finding.Noncompliant,
		},
		"the customer's key, by ARN": {readers: map[string]string{"fleet": "kms:Decrypt"}, defaultKey: key, object: key, want: "file-unreadable-by-roles", status: finding.Noncompliant},
		"AWS's key":                  {readers: map[string]string{"fleet": "kms:Decrypt"}, object: key, status: finding.Compliant},
		"AWS's key, by its alias":    {readers: map[string]string{"fleet": "kms:Decrypt"}, defaultKey: "alias/aws/s3", object: key, status: finding.Compliant},
		"roles not shown": {
			readers: map[string]string{"fleet": ""}, denied: "GetAccountAuthorizationDetails", want: "readers-unchecked", says: "lacks s3:Call", status: finding.Noncompliant,
		},
		"not simulated": {readers: map[string]string{"fleet": ""}, denied: "SimulatePrincipalPolicy", want: "readers-unchecked", status: finding.Noncompliant},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true, readers: test.readers, policy: test.policy, encryptedWith: &test.object}
			if test.defaultKey != "" {
				b.defaultKey = &test.defaultKey
			}
			b.before = func(call, _ string) error {
				if call == test.denied {
					return apiError("AccessDenied")
				}
				return nil
			}
			id := b.put("ecs.config", "", nil)
			result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", id)))
			if got := strings.Join(codes(result), " "); got != test.want || result.Status != test.status {
				t.Fatalf("got %s %s, want %s %s", result.Status, got, test.status, test.want)
			}
			if test.want != "" && !strings.Contains(result.Findings[0].Message+";", test.says) {
				t.Errorf("got %q, want it to say %q", result.Findings[0].Message, test.says)
			}
			if got := b.tagsOf("ecs.config", id); !slices.Contains(got, "ecs-config-status=valid") {
				t.Errorf("what roles can do is in the file's tags: %q", got)
			}
		})
	}
}

// An environment file is read by the agent under the execution role.
func TestEnvironmentFileHasNoReaders(t *testing.T) {
	b := &bucket{versioning: true, readers: map[string]string{"fleet": "s3:GetObject"}}
	id := b.put("web.env", "", nil)
	result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("web.env", id)))
	if len(result.Findings) > 0 || slices.Contains(b.calls, "GetAccountAuthorizationDetails") {
		t.Errorf("got %q, calls %q", codes(result), b.calls)
	}
}

// Roles are listed once an hour; what one of them can do for a file is believed
// like everything else. One that is gone is listed no more.
func TestReadersAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{versioning: true, readers: map[string]string{"fleet": ""}}
		function := function(withMode(finding.Enforce), b, &clusters{})
		asked := func() (listed, simulated int) {
			one(t, handleBy(t, function, uploaded("ecs.config", b.put("ecs.config", "", nil))))
			for _, call := range b.calls {
				switch {
				case strings.HasPrefix(call, "GetAccountAuthorizationDetails"):
					listed++
				case strings.HasPrefix(call, "SimulatePrincipalPolicy"):
					simulated++
				}
			}
			return listed, simulated
		}
		for _, step := range []struct {
			after             time.Duration
			gone              bool
			listed, simulated int
		}{
			{0, false, 1, 1}, {5*time.Minute - time.Second, false, 1, 1}, {time.Second, false, 1, 2},
			{55 * time.Minute, false, 2, 3}, {5 * time.Minute, true, 2, 3}, {0, false, 3, 4},
		} {
			time.Sleep(step.after)
			b.before = func(call, _ string) error {
				if step.gone && call == "SimulatePrincipalPolicy" {
					return apiError("NoSuchEntity")
				}
				return nil
			}
			if listed, simulated := asked(); listed != step.listed || simulated != step.simulated {
				t.Errorf("%+v: listed %d, simulated %d times", step, listed, simulated)
			}
		}
	})
}
