package taskdef

import (
	"fmt"
	"strings"
	"testing"
)

// TestGrants: a statement counts only if it is about the secret that it stands at.
func TestGrants(t *testing.T) {
	const role = "arn:aws:iam::" + account + ":role/exec"
	secret, other := secretARN("shop"), secretARN("other")
	allow := func(resource string) string {
		return fmt.Sprintf(`{"Effect": "Allow", "Principal": {"AWS": %q}, "Action": "secretsmanager:GetSecretValue", "Resource": %s}`, role, resource)
	}
	deny := func(principal, resource string) string {
		return fmt.Sprintf(`{"Effect": "Deny", "Principal": {"AWS": %q}, "Action": "secretsmanager:*", "Resource": %s}`, principal, resource)
	}
	quoted := func(text string) string { return `"` + text + `"` }
	for name, test := range map[string]struct {
		statements       []string
		granted, unknown bool
	}{
		"no policy":                          {},
		"every resource":                     {[]string{allow(`"*"`)}, true, false},
		"this secret":                        {[]string{allow(quoted(secret))}, true, false},
		"this secret with a wildcard":        {[]string{allow(quoted(strings.TrimSuffix(secret, "AbCdEf") + "??????"))}, true, false},
		"this secret among others":           {[]string{allow(`["` + other + `", "` + secret + `"]`)}, true, false},
		"another secret":                     {[]string{allow(quoted(other))}, false, false},
		"another secret's case":              {[]string{allow(quoted(strings.Replace(secret, "shop", "Shop", 1)))}, false, false},
		"all but this secret":                {[]string{strings.Replace(allow(quoted(secret)), `"Resource"`, `"NotResource"`, 1)}, false, false},
		"all but another secret":             {[]string{strings.Replace(allow(quoted(other)), `"Resource"`, `"NotResource"`, 1)}, true, false},
		"a variable":                         {[]string{allow(quoted(strings.Replace(secret, "shop", "${aws:PrincipalTag/team}", 1)))}, false, true},
		"a condition":                        {[]string{strings.TrimSuffix(allow(`"*"`), "}") + `, "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}`}, false, true},
		"denied":                             {[]string{allow(`"*"`), deny(role, `"*"`)}, false, true},
		"denied for another secret":          {[]string{allow(`"*"`), deny(role, quoted(other))}, true, false},
		"denied to another role":             {[]string{allow(`"*"`), deny(role+"2", `"*"`)}, true, false},
		"denied to the account by its root":  {[]string{allow(`"*"`), deny("arn:aws:iam::"+account+":root", `"*"`)}, false, true},
		"denied to the account by its id":    {[]string{allow(`"*"`), deny(account, `"*"`)}, false, true},
		"denied to another account":          {[]string{allow(`"*"`), deny("999999999999", `"*"`)}, true, false},
		"allowed to the account, not to it":  {[]string{strings.Replace(allow(`"*"`), role, "arn:aws:iam::"+account+":root", 1)}, false, false},
		"denied to everybody but one person": {[]string{allow(`"*"`), `{"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::` + account + `:user/a"}, "Action": "*", "Resource": "*"}`}, false, true},
	} {
		policy := SecretPolicy{Text: `{"Version": "2012-10-17", "Statement": [` + strings.Join(test.statements, ", ") + `]}`}
		if granted, unknown := policy.grants(secret, role); granted != test.granted || unknown != test.unknown {
			t.Errorf("%s: granted %v, unknown %v", name, granted, unknown)
		}
	}
}
