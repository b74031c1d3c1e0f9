package ecsconfig_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

// fullStop is a value to paste with the full stop of the sentence after it.
var fullStop = regexp.MustCompile(`=[^ ']+\.$`)

// values are wrong for most variables, each in another way.
var values = []string{"", " ", "x", "yes", "TRUE", "1", "-1", "0", "1.5", "99999999999999999999", "5", "1d", "1s", "-1s", "true # comment", "'x'", `"x"`, "${X}", "/foo", "x/y", "http://", "[", `["x"]`, `[1,"2"]`,
	`{"a":1}`, `{"aws:a":"b"}`, `{"a":"b"} x`, `{'a':'b'}`, "a,b", "1-0", "us-east-1a", "not a url", "x ECS_CLUSTER=y", "\u2028", strings.Repeat("x", 300)}

// TestSentences looks at the grammar of every message and fix, over every
// variable with each of the values, and every file of the other tests.
func TestSentences(t *testing.T) {
	count := 0
	check := func(content string) {
		for _, f := range ecsconfig.Judge([]byte(content)) {
			count++
			for _, fault := range faultsOf(f) {
				t.Errorf("%s: %s\n%.200q\n%s\n%s", f.Code, fault, content, f.Message, f.Fix)
			}
		}
	}
	for _, v := range ecsconfig.Catalogue() {
		for _, value := range values {
			check("ECS_CLUSTER=prod\n" + v.Name + "=" + value + "\n")
		}
	}
	for _, content := range files {
		if len(content) < 64<<10 {
			check(content)
		}
	}
	t.Logf("%d texts", count)
}

// faultsOf adds what an ecs.config's findings have besides those of others: a variable,
// and lines to write.
func faultsOf(f finding.Finding) (faults []string) {
	faults = findingtest.Faults(f)
	if f.Variable != "" && !strings.Contains(f.Message, f.Variable) {
		faults = append(faults, "the message doesn't name the variable")
	}
	if strings.HasSuffix(f.Fix, ".") && fullStop.MatchString(f.Fix) {
		faults = append(faults, "the fix has a value with a full stop after it")
	}
	return faults
}
