package ecsconfig_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// badPunctuation is what texts that were pasted together have.
var badPunctuation = regexp.MustCompile(`  |[a-z] \.|,\.|\.\.[^.]|,,|""|\(\)| ,|\b(and|or|but|because)\.`)

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

func faultsOf(f finding.Finding) (faults []string) {
	first := []rune(f.Message + " ")[0]
	switch {
	case !unicode.IsUpper(first) && first != '"' && !strings.HasPrefix(f.Message, "ecs-init") && !strings.HasPrefix(f.Message, "systemd") && !strings.HasPrefix(f.Message, "docker run") && !strings.HasPrefix(f.Message, f.Variable) && !unicode.IsDigit(first):
		faults = append(faults, "the message doesn't begin a sentence")
	case !strings.HasSuffix(f.Message, "."):
		faults = append(faults, "the message doesn't end a sentence")
	case badPunctuation.MatchString(f.Message):
		faults = append(faults, "the message has bad punctuation: "+badPunctuation.FindString(f.Message))
	case f.Variable != "" && !strings.Contains(f.Message, f.Variable):
		faults = append(faults, "the message doesn't name the variable")
	}
	switch {
	case f.Fix == "" || !unicode.IsUpper([]rune(f.Fix)[0]):
		faults = append(faults, "the fix doesn't begin a sentence")
	case !strings.HasSuffix(f.Fix, ".") && !strings.Contains(f.Fix, "=") && !strings.Contains(f.Fix, "printf"):
		faults = append(faults, "the fix neither ends a sentence nor gives a line to write")
	case strings.HasSuffix(f.Fix, ".") && fullStop.MatchString(f.Fix):
		faults = append(faults, "the fix has a value with a full stop after it")
	}
	return faults
}
