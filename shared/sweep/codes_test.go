package sweep_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/sweep"
)

var update = flag.Bool("update", false, "write the table of findings into the README")

// The README's table of findings, and nothing but the table, is what the codes
// say of themselves.
func TestREADMEListsTheCodes(t *testing.T) {
	const path = "../../functions/sweep/README.md"
	const head = "| code | cause | cure |\n| --- | --- | --- |\n"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(content), head)
	if !found {
		t.Fatal("the README has no table of findings")
	}
	end := 0
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		end += len(line)
	}
	var rows strings.Builder
	for _, code := range slices.Concat(sweep.Codes, pipeline.Codes) {
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", code.Code, code.Cause, code.Cure)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+head+rows.String()+rest[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := rest[:end]; got != rows.String() {
		t.Errorf("the README has\n%s\nwant\n%s\n(go test ./shared/sweep -update writes it)", got, rows.String())
	}
}
