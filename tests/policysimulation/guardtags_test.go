package policysimulation

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// TestGuardTagsPolicy plays the shipped service control policy: it must deny
// strangers the tags, and denies nothing else.
func TestGuardTagsPolicy(t *testing.T) {
	text, err := os.ReadFile("../../docs/policies/guard-tags-scp.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	// The quota of a service control policy, in characters without white space.
	if compact.Len() > 5120 {
		t.Errorf("the policy has %d characters", compact.Len())
	}
	document, err := ParseDocument(string(text))
	if err != nil {
		t.Fatal(err)
	}
	const stranger, platform, own = "arn:aws:iam::123456789012:role/developer", "arn:aws:iam::123456789012:role/PlatformAdministrator", "arn:aws:iam::123456789012:role/ecs-guardrails-RotateSecretRole-1"
	const secret, object = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod-AbCdEf", "arn:aws:s3:::acme/prod/ecs.config"
	tests := map[string]struct {
		principal, action, resource string
		keys                        map[string][]string
		want                        Decision
	}{
		"a stranger tags a secret":        {stranger, "secretsmanager:TagResource", secret, map[string][]string{"aws:TagKeys": {"team", "ecs-guardrails:registry"}}, ExplicitDeny},
		"a stranger takes the tag off":    {stranger, "secretsmanager:UntagResource", secret, map[string][]string{"aws:TagKeys": {"ecs-guardrails:registry"}}, ExplicitDeny},
		"a stranger makes a role with it": {stranger, "iam:CreateRole", "arn:aws:iam::123456789012:role/x", map[string][]string{"aws:TagKeys": {"ecs-guardrails:instance-role"}}, ExplicitDeny},
		"a stranger tags an object":       {stranger, "s3:PutObjectTagging", object, map[string][]string{"s3:RequestObjectTagKeys": {"ecs-guardrails:ignore"}}, ExplicitDeny},
		"a stranger sets another tag":     {stranger, "secretsmanager:TagResource", secret, map[string][]string{"aws:TagKeys": {"team"}}, Allowed},
		"a stranger makes a plain role":   {stranger, "iam:CreateRole", "arn:aws:iam::123456789012:role/x", nil, Allowed},
		"a stranger uploads":              {stranger, "s3:PutObject", object, nil, Allowed},
		"a stranger opens the secret":     {stranger, "secretsmanager:PutResourcePolicy", secret, map[string][]string{"aws:ResourceTag/ecs-guardrails:registry": {"r"}}, ExplicitDeny},
		"a stranger opens their own":      {stranger, "secretsmanager:PutResourcePolicy", secret, nil, Allowed},
		"a stranger invokes":              {stranger, "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:ecs-guardrails-AttachPoliciesFunction-1", nil, ExplicitDeny},
		"a stranger invokes another":      {stranger, "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:web", nil, Allowed},
		"the platform tags":               {platform, "secretsmanager:TagResource", secret, map[string][]string{"aws:TagKeys": {"ecs-guardrails:registry"}}, Allowed},
		"a function tags":                 {own, "iam:TagRole", "arn:aws:iam::123456789012:role/x", map[string][]string{"aws:TagKeys": {"ecs-guardrails:loans"}}, Allowed},
	}
	everything, err := ParseDocument(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			keys := map[string][]string{"aws:PrincipalArn": {test.principal}}
			for key, values := range test.keys {
				keys[key] = values
			}
			got := Simulate(Policies{Identity: []Policy{{Document: everything}, {Document: document}}}, Request{Action: test.action, Resource: test.resource, Context: NewContext(keys)})
			if got.Decision != test.want {
				t.Errorf("got %s", got.Decision)
			}
		})
	}
}
