package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
)

// emptied waits until a queue, an output of the stack, has no message any more,
// delayed ones and those in flight among them.
func (w *world) emptied(t *testing.T, output string) {
	t.Helper()
	eventually(t, output+" is empty", func(ctx context.Context) (bool, error) {
		depth, err := w.QueueDepth(ctx, w.Stack.Outputs[output])
		return depth == 0, err
	})
}

// testDeadLetters looks whether everything that was sent was answered.
func testDeadLetters(t *testing.T, w *world) {
	for _, output := range slices.Concat(slices.Collect(maps.Keys(queues)), []string{"SweepQueue", "SweepResultsQueue"}) {
		w.emptied(t, output)
	}
	for _, logicalID := range []string{
		"DeadLetterQueue",
	} {
		url := must(w.ResourceID(t.Context(), logicalID))(t)
		if depth := must(w.QueueDepth(t.Context(), url))(t); depth != 0 {
			t.Errorf("%s has %d messages", logicalID, depth)
		}
	}
	for _, delivery := range w.Stack.Deliveries() {
		if delivery.Err != nil {
			t.Errorf("rule %s did not reach %s: %v", delivery.Rule, delivery.Target, delivery.Err)
		}
	}
	for _, function := range functions {
		for _, result := range must(w.Results(t.Context(), function))(t) {
			if err := check(result.Result); err != nil {
				t.Errorf("%s logged a result that is none: %v", function, err)
			}
		}
	}
}

// testNoSecretShown looks for every planted secret in all that was written.
func testNoSecretShown(t *testing.T, w *world) {
	w.canaries.PlantWhole("a RotationToken", rotationservice.RotationTokenPrefix)
	if planted := w.canaries.Len(); planted < 8 {
		t.Errorf("only %d secrets were planted", planted)
	}
	outputs := map[string]string{}
	for _, function := range functions {
		var text strings.Builder
		for _, line := range must(w.Log(t.Context(), function))(t) {
			fmt.Fprintln(&text, line.Message)
		}
		outputs["the log of "+function] = text.String()
	}
	for what, inbox := range map[string]interface {
		Messages(context.Context) ([]string, error)
	}{"what was published on the bus": w.bus, "what sweep published": w.summaries, "what the topic sent": w.topic} {
		outputs[what] = strings.Join(must(inbox.Messages(t.Context()))(t), "\n")
	}
	calls := must(json.Marshal(w.Stack.Record.Calls(nil)))(t)
	outputs["the recorded calls"] = string(calls)
	var events []any
	for _, delivery := range w.Stack.Deliveries() {
		events = append(events, delivery.Event)
	}
	outputs["the delivered events"] = string(must(json.Marshal(events))(t))
	for _, pattern := range []string{"*.log", "*.jsonl"} {
		for _, file := range must(filepath.Glob(filepath.Join(w.folder, pattern)))(t) {
			outputs[filepath.Base(file)] = string(must(os.ReadFile(file))(t))
		}
	}
	searched := 0
	for where, text := range outputs {
		if text == "" && !strings.HasSuffix(where, ".log") {
			t.Errorf("%s is empty, so that looking into it proves nothing", where)
		}
		searched += len(text)
		for _, sighting := range w.canaries.Search(where, text) {
			t.Error(sighting)
		}
	}
	t.Logf("%d secrets were looked for in %d bytes", w.canaries.Len(), searched)
}
