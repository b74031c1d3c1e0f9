package diagnosis

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// TestEveryKnownReason stops a task for each text that stopreason is tested with: the
// result has the text's own code, and says what failed in one line.
func TestEveryKnownReason(t *testing.T) {
	racetest.Skip(t)
	texts := map[string]stopreason.ID{}
	for _, file := range []string{"known.json", "public.json", "agent.json"} {
		raw, err := os.ReadFile(filepath.Join("..", "stopreason", "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		var entries []struct {
			ID    stopreason.ID
			Text  string
			Texts []string
		}
		if err := json.Unmarshal(raw, &entries); err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			for _, text := range append(entry.Texts, entry.Text) {
				if text != "" && entry.ID != stopreason.WrapperNoCause && entry.ID != stopreason.ApplicationExit && entry.ID != stopreason.OutOfMemory {
					texts[text] = entry.ID
				}
			}
		}
	}
	joined := `CannotPullContainerError: toomanyrequests: You have reached your pull rate limit; ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: The specified log group does not exist.`
	texts[joined] = stopreason.Classify(joined).ID
	codes := map[string]bool{}
	for text, id := range texts {
		a := newAccount()
		a.define("", "")
		result := only(t, a.diagnosis(finding.Enforce).Handle(t.Context(), queued(1, sample(t, "task-stopped-secret-denied", stoppedFor(text)))))
		worst := result.Findings[0]
		if worst.Code != string(id) || !worst.Headline || strings.ContainsAny(worst.Message, "\n\r") {
			t.Errorf("%s\n  is %+v, want %s", text, worst, id)
		}
		for _, f := range result.Findings {
			codes[f.Code] = true
		}
	}
	for _, code := range causeCodes() {
		if !codes[code.Code] && !slices.Contains([]string{"cluster-absent", "instance-not-registered", "registration-denied", "registration-refused"}, code.Code) {
			t.Errorf("no text is found as %s", code.Code)
		}
	}
}
