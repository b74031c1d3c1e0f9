package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/cost"
)

// lambdaLines is about what Lambda itself logs of an invocation: START, END and
// REPORT, which the emulator does not write.
const lambdaLines = 700

// testCost holds what an invocation of this run has written and published
// against what docs/cost.md counts with. Most of what the run looks at is wrong in
// some way, and says more than what is fine.
func testCost(t *testing.T, w *world) {
	invocations, bytes, seconds := 0, 0, 0.0
	for _, function := range functions {
		for _, line := range must(w.Log(t.Context(), function))(t) {
			bytes += len(line.Message)
			var of struct {
				AWS      *struct{} `json:"_aws"`
				Duration float64
			}
			if json.Unmarshal([]byte(line.Message), &of) == nil && of.AWS != nil {
				invocations++
				seconds += of.Duration / 1000
			}
		}
	}
	events := 0
	for _, call := range w.Stack.Record.Since(0) {
		if entries, ok := call.Parameters["Entries"].([]any); ok && call.Name() == "events:PutEvents" {
			events += len(entries)
		}
	}
	if invocations < 100 {
		t.Fatalf("%d invocations", invocations)
	}
	each := float64(invocations)
	logged, published := float64(bytes)/each+lambdaLines, float64(events)/each
	figures := fmt.Sprintf("cost: %d invocations, of each %.0f bytes of log, %.2f events, %.3f s\n", invocations, logged, published, seconds/each)
	t.Log(figures)
	if logged > cost.LogBytes || published > cost.PublishedEvents {
		t.Errorf("docs/cost.md counts with %d bytes of log and %.2f events of an invocation: %s", cost.LogBytes, cost.PublishedEvents, figures)
	}
	folder := filepath.Join(w.checkout, ".local", "figures")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "cost.txt"), []byte(figures), 0o600); err != nil {
		t.Fatal(err)
	}
}
