package catalogue_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// form is the grammar of codes: a thing and its problem.
var form = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

// stopReasons are the codes of one word: ids of causes that are published with
// the stop reasons that they stand for, and so stay.
var stopReasons = map[string]bool{"efs": true, "eni": true, "firelens": true, "infrastructure": true, "credentialspec": true, "unrecognised": true}

var pasted = regexp.MustCompile(`  |[a-z] \.( |$)|,\.|,,|""|\(\)| ,|\b(and|or|but|because)\.`)

func TestEveryCodeIsDefinedWhole(t *testing.T) {
	codes := catalogue.Codes()
	if len(codes) < 400 {
		t.Fatalf("only %d codes", len(codes))
	}
	for _, code := range codes {
		entry, ok := catalogue.Of(code)
		if !ok || !form.MatchString(code) && !stopReasons[code] {
			t.Errorf("%s is no THING-PROBLEM", code)
		}
		for name, text := range map[string]string{"cause": entry.Cause, "consequence": entry.Consequence, "cure": entry.Cure, "undo": entry.Undo} {
			switch {
			case text == "" && (name == "undo" || name == "consequence" && entry.Severity == finding.Info):
			case text == "":
				t.Errorf("%s has no %s", code, name)
			case unicode.IsLower([]rune(text)[0]) && !strings.HasPrefix(text, "ecs-init") && !strings.HasPrefix(text, "systemd") && !strings.HasPrefix(text, "auth ") && !strings.HasPrefix(text, "export,"):
				t.Errorf("%s: the %s doesn't begin a sentence: %s", code, name, text)
			case !strings.ContainsAny(text[len(text)-1:], ".!?)") && !strings.HasSuffix(text, "FILE"):
				t.Errorf("%s: the %s doesn't end a sentence: %s", code, name, text)
			case pasted.MatchString(text):
				t.Errorf("%s: the %s is pasted together: %s", code, name, text)
			}
		}
		if entry.Severity != finding.Error && entry.Severity != finding.Warning && entry.Severity != finding.Info {
			t.Errorf("%s has the severity %q", code, entry.Severity)
		}
		if entry.Example == "" {
			t.Errorf("%s has no example", code)
		}
	}
}

func TestExplain(t *testing.T) {
	var out, errs bytes.Buffer
	if exit := catalogue.Explain([]string{"capability-missing", "no-mandate"}, &out, &errs); exit != 0 || errs.Len() > 0 {
		t.Errorf("exit code %d, %s", exit, errs.String())
	}
	for _, want := range []string{"capability-missing (error; attach-policies)", "What it causes", "What to do", "How to undo it", "docs/findings/capability-missing.md", "\n\nno-mandate (warning; any function)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	for line := range strings.Lines(out.String()) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 && len(strings.Fields(line)) > 1 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	for written, want := range map[string]string{
		"misspelt-variable": "variable-misspelt", "nonsense": "docs/findings.md", "": "docs/findings.md", "\x1b[31m": `"\x1b[31m"`,
	} {
		errs.Reset()
		if exit := catalogue.Explain([]string{written}, &out, &errs); exit != 2 || !strings.Contains(errs.String(), want) {
			t.Errorf("%q: exit code %d, %s", written, exit, errs.String())
		}
	}
	if exit := catalogue.Explain(nil, &out, &errs); exit != 2 {
		t.Errorf("without a code: exit code %d", exit)
	}
}
