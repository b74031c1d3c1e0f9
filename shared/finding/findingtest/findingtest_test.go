package findingtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

const readme = `# f

## Findings

Some words.

| code | cause | cure |
| --- | --- | --- |
| ` + "`old`" + ` | a | b |

These any function can have:

| code | cause | cure |
| --- | --- | --- |
| ` + "`gone`" + ` | c | d |

## Undo

None.
`

func TestWithTable(t *testing.T) {
	codes := []finding.Code{{Code: "new", Cause: "x|y", Cure: "z"}, {Code: "newer", Cause: "v", Cure: "w"}}
	got, err := withTable(readme, "## Findings", codes)
	want := strings.Replace(readme, "| `old` | a | b |\n", "| `new` | x\\|y | z |\n| `newer` | v | w |\n", 1)
	if err != nil || got != want {
		t.Errorf("got\n%s (%v), want\n%s", got, err, want)
	}
	got, err = withTable(readme, "These any function can have:", codes[1:])
	want = strings.Replace(readme, "| `gone` | c | d |\n", "| `newer` | v | w |\n", 1)
	if err != nil || got != want {
		t.Errorf("got\n%s (%v), want\n%s", got, err, want)
	}
	for _, line := range []string{"## Undo", "# f", "None.", "## Find", "nothing"} {
		if got, err := withTable(readme, line, codes); err == nil {
			t.Errorf("%q: got\n%s", line, got)
		}
	}
}

func TestREADMEIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte(readme), 0o600); err != nil {
		t.Fatal(err)
	}
	tables := map[string][]finding.Code{
		"## Findings":                  {{Code: "new", Cause: "x", Cure: "z"}},
		"These any function can have:": {{Code: "newer", Cause: "v", Cure: "w"}},
	}
	README(t, path, true, tables)
	// What was written is what is asked for.
	README(t, path, false, tables)
	content, err := os.ReadFile(path)
	want := strings.NewReplacer("| `old` | a | b |", "| `new` | x | z |", "| `gone` | c | d |", "| `newer` | v | w |").Replace(readme)
	if err != nil || string(content) != want {
		t.Errorf("got\n%s (%v), want\n%s", content, err, want)
	}
}

func TestCodesIn(t *testing.T) {
	sources := fstest.MapFS{
		"codes.go": {Data: []byte("package f\n\nconst (\n\tCodeA = \"a-constant\"\n\tCodeB = \"unused\"\n)\n\nvar Codes = []finding.Code{{Code: \"in-the-table\"}, {Code: CodeB}}\n")},
		"plan.go": {Data: []byte(`package f

func plan() {
	_ = finding.Finding{Code: "written-out", Message: "message"}
	_ = need{code: "of-a-need"}
	_ = finding.Finding{Code: CodeA}
	report("first", "x")
	j.report("of-a-method", "x")
	pipeline.Skip[Target]("y", "second-of-a-generic")
	pipeline.Skip[Target]("too few")
	report("Not a code", "x")
	report(computed(), "x")
	other("neither", "x")
}
`)},
		"plan_test.go": {Data: []byte("package f\n\nvar _ = finding.Finding{Code: \"of-a-test\"}\n")},
	}
	used, err := codesIn(sources, map[string]int{"report": 0, "Skip": 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a-constant", "first", "of-a-method", "of-a-need", "second-of-a-generic", "written-out"}
	if got := slices.Sorted(maps.Keys(used)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	sources["broken.go"] = &fstest.MapFile{Data: []byte("package")}
	if used, err := codesIn(sources, nil); err == nil {
		t.Errorf("a broken file was passed over: %v", used)
	}
}

func TestSeveritiesIn(t *testing.T) {
	sources := fstest.MapFS{
		"codes.go": {Data: []byte("package f\n\nconst CodeA = \"a-constant\"\n")},
		"plan.go": {Data: []byte(`package f

func plan() {
	_ = finding.Finding{Code: "written-out", Severity: finding.Warning, Message: "message"}
	_ = finding.Finding{Severity: finding.Info, Code: "written-out"}
	_ = finding.Finding{Code: CodeA, Severity: finding.Error}
	_ = finding.Finding{Code: "computed-severity", Severity: severity}
	_ = target{Code: code, Severity: finding.Error}
}
`)},
	}
	got, err := severitiesIn(sources)
	want := map[string][]finding.Severity{"written-out": {finding.Warning, finding.Info}, "a-constant": {finding.Error}}
	if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

func TestLooseMessages(t *testing.T) {
	sources := fstest.MapFS{"plan.go": {Data: []byte(`package f

const CodeA = "a-constant"

func plan() {
	_ = finding.Finding{Code: "of-a-literal", Message: "message"}
	_ = &finding.Finding{Code: CodeA, Message: text}
	_ = finding.Finding{Code: "of-a-template", Line: 1}
	_ = finding.Template{Code: "template", Message: "It is {x}."}
}
`)}}
	got, err := looseMessages(sources)
	if want := []string{"of-a-literal", "a-constant"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestTemplatesIn(t *testing.T) {
	sources := fstest.MapFS{
		"codes.go": {Data: []byte("package f\n\nconst CodeA = \"a-constant\"\n")},
		"messages.go": {Data: []byte(`package f

const command = "Run: aws " + "ecs"

var (
	first = finding.Template{Code: CodeA, Severity: finding.Error, Message: "It " + "is {x}.", Fix: command}
	other = finding.Template{Code: "b", Severity: finding.Info, Message: first.Message}
)

func plan() { report(finding.Template{Code: "c", Message: "In a function."}) }
`)},
	}
	got, err := templatesIn(sources)
	want := []finding.Template{
		{Code: "a-constant", Severity: finding.Error, Message: "It is {x}.", Fix: "Run: aws ecs"},
		{Code: "b", Severity: finding.Info, Message: "It is {x}."},
		{Code: "c", Message: "In a function."},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	for name, text := range map[string]string{
		"a computed text": "package f\n\nvar x = finding.Template{Code: \"a\", Message: fmt.Sprint(1)}\n",
		"no template":     "package f\n",
	} {
		if got, err := templatesIn(fstest.MapFS{"messages.go": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestFaults has a text for each fault, and texts that have none.
func TestFaults(t *testing.T) {
	for message, wants := range map[string]string{
		"the disk is full.":                     "doesn't begin a sentence",
		"The disk is full":                      "doesn't end a sentence",
		"Told by the instance.":                 "no verb",
		"The disk  is full.":                    "bad punctuation",
		"The disk is full, because <nil>.":      "bad punctuation",
		`The disk "" is full.`:                  "bad punctuation",
		"The disk %!s(int=1) is full.":          "bad punctuation",
		"The environment file . It is missing.": "bad punctuation",
		"All 1 subjects are fine.":              "a number without its form",
		"Of 40 instances, 0 failed (x).":        "a number without its form",
		"1 of 1 instances are slow.":            "a number without its form",
		"The file is \x1b[31mred.":              "a control character",
		"The disk is full.":                     "",
		"web (main) can't start a task: it is.": "",
		`ECS wrote: "a  b ,".`:                  "",
		"1 instance is slow.":                   "",
		"11 instances are slow.":                "",
	} {
		faults := strings.Join(Faults(finding.Finding{Severity: finding.Info, Message: message}), "; ")
		if wants == "" && faults != "" || !strings.Contains(faults, wants) {
			t.Errorf("%q: %s, want %q", message, faults, wants)
		}
	}
	for fix, wants := range map[string]string{
		"":                       "there is no fix",
		"empty it.":              "doesn't begin a sentence",
		"Empty it":               "neither ends a sentence nor gives a command",
		"Empty it.":              "",
		"Run: aws ecs do --it x": "",
	} {
		faults := strings.Join(Faults(finding.Finding{Severity: finding.Error, Message: "It is.", Fix: fix}), "; ")
		if wants == "" && faults != "" || !strings.Contains(faults, wants) {
			t.Errorf("%q: %s, want %q", fix, faults, wants)
		}
	}
}

func TestSeenFaults(t *testing.T) {
	Saw(finding.Finding{Code: "seen-here", Severity: finding.Info, Message: "it fails"}, finding.Finding{Code: "of-others", Severity: finding.Info, Message: "it fails"})
	faults := seenFaults([]finding.Code{{Code: "seen-here"}})
	if len(faults) != 1 || !strings.HasPrefix(faults[0], "seen-here: the message doesn't begin a sentence") {
		t.Errorf("got %q", faults)
	}
}
