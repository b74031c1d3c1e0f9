package findingtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Example is a finding as a test got it from the package's own code.
type Example struct {
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// seen is every finding that a test of this package got, with its severity.
var seen = struct {
	sync.Mutex
	byCode map[string]map[Example]finding.Severity
}{byCode: map[string]map[Example]finding.Severity{}}

// Saw remembers findings for Main.
func Saw(findings ...finding.Finding) {
	seen.Lock()
	defer seen.Unlock()
	for _, f := range findings {
		if seen.byCode[f.Code] == nil {
			seen.byCode[f.Code] = map[Example]finding.Severity{}
		}
		seen.byCode[f.Code][Example{f.Message, f.Fix}] = f.Severity
	}
}

// Check reports what makes a result break the report's contract, and remembers its
// findings for Main.
func Check(result finding.Result) error {
	Saw(result.Findings...)
	return result.Check()
}

// examplesFile is read by the generator of the documents, too.
const examplesFile = "testdata/examples.json"

// Main runs a package's tests, and then compares testdata/examples.json with what
// they saw, after it has checked the grammar of all of it (Faults): each example is a finding that a test got in this very run, so none can
// differ from what the code says. With -update it writes the file: an example that
// still holds stays, and each of the codes that a test saw gets one. The documents'
// test asks that every code has an example in one of the packages. A run of only some
// tests checks nothing.
func Main(m *testing.M, codes []finding.Code) {
	exit := m.Run()
	if faults := seenFaults(codes); len(faults) > 0 {
		fmt.Fprintln(os.Stderr, strings.Join(faults, "\n"))
		exit = max(exit, 1)
	}
	if exit == 0 && isWhole() {
		if err := holdExamples(examplesFile, codes, isSet("update")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			exit = 1
		}
	}
	os.Exit(exit)
}

// seenFaults says what is wrong with the texts of the package's codes that the tests
// saw. Other codes are those of a test's own checks.
func seenFaults(codes []finding.Code) (faults []string) {
	seen.Lock()
	defer seen.Unlock()
	for _, code := range codes {
		for example, severity := range seen.byCode[code.Code] {
			if found := Faults(finding.Finding{Code: code.Code, Severity: severity, Message: example.Message, Fix: example.Fix}); len(found) > 0 {
				faults = append(faults, fmt.Sprintf("%s: %s\n\t%s\n\tfix: %s", code.Code, strings.Join(found, "; "), example.Message, example.Fix))
			}
		}
	}
	slices.Sort(faults)
	return faults
}

func isSet(name string) bool {
	set := flag.Lookup(name)
	return set != nil && set.Value.String() == "true"
}

// isWhole reports whether all tests of the package were run.
func isWhole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if set := flag.Lookup(name); set != nil && set.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

func holdExamples(path string, codes []finding.Code, update bool) error {
	kept, err := ReadExamples(path)
	if err != nil && !(update && errors.Is(err, os.ErrNotExist)) {
		return err
	}
	seen.Lock()
	defer seen.Unlock()
	if update {
		return writeExamples(path, chosenExamples(kept, codes, seen.byCode))
	}
	return errors.Join(exampleFaults(kept, codes, seen.byCode)...)
}

// exampleFaults says which examples no test got, and which are not of the codes.
func exampleFaults(kept map[string]Example, codes []finding.Code, byCode map[string]map[Example]finding.Severity) []error {
	var faults []error
	for _, code := range slices.Sorted(maps.Keys(kept)) {
		_, isSeen := byCode[code][kept[code]]
		switch {
		case !slices.ContainsFunc(codes, func(c finding.Code) bool { return c.Code == code }):
			faults = append(faults, fmt.Errorf("%s has an example of %s, which is not the package's", examplesFile, code))
		case !isSeen:
			faults = append(faults, fmt.Errorf("%s: no test gets this example of %s any more (-update replaces it): %s", examplesFile, code, kept[code].Message))
		}
	}
	return faults
}

// chosenExamples keeps the examples that still hold, and chooses one for each code
// without: of the code's worst severity, of plain text, the shortest.
func chosenExamples(kept map[string]Example, codes []finding.Code, byCode map[string]map[Example]finding.Severity) map[string]Example {
	chosen := map[string]Example{}
	for _, code := range codes {
		if _, ok := byCode[code.Code][kept[code.Code]]; ok {
			chosen[code.Code] = kept[code.Code]
			continue
		}
		candidates := slices.DeleteFunc(slices.Collect(maps.Keys(byCode[code.Code])), isOfToday)
		if len(candidates) == 0 {
			continue
		}
		chosen[code.Code] = slices.MinFunc(candidates, func(a, b Example) int {
			return cmp.Or(cmp.Compare(rank(a, byCode[code.Code][a], code), rank(b, byCode[code.Code][b], code)),
				cmp.Compare(len(a.Message), len(b.Message)), cmp.Compare(a.Message+a.Fix, b.Message+b.Fix))
		})
	}
	return chosen
}

// rank is 0 for the best examples.
func rank(example Example, severity finding.Severity, code finding.Code) (worse int) {
	if severity != code.Severity {
		worse++
	}
	if strings.ContainsFunc(example.Message+example.Fix, func(r rune) bool { return !unicode.IsPrint(r) }) {
		worse += 2
	}
	return worse
}

// ReadExamples reads a package's examples, by code.
func ReadExamples(path string) (map[string]Example, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the examples: %w", err)
	}
	var examples map[string]Example
	if err := json.Unmarshal(content, &examples); err != nil {
		return nil, fmt.Errorf("read the examples of %s: %w", path, err)
	}
	return examples, nil
}

func writeExamples(path string, examples map[string]Example) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the examples: %w", err)
	}
	var content strings.Builder
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(examples); err != nil {
		return fmt.Errorf("write the examples: %w", err)
	}
	if err := os.WriteFile(path, []byte(content.String()), 0o644); err != nil {
		return fmt.Errorf("write the examples: %w", err)
	}
	return nil
}

// isOfToday says that an example has this day in it, and so another text tomorrow.
func isOfToday(example Example) bool {
	today := time.Now().UTC()
	return slices.ContainsFunc([]string{time.DateOnly, "20060102", "2006/01/02"}, func(layout string) bool {
		return strings.Contains(example.Message+example.Fix, today.Format(layout))
	})
}
