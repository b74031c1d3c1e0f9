package stopreason

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

type report struct {
	ID                            ID
	Class, Object, DeniedBy, Text string
}

// reports are texts of issues, guides, runbooks and logs, with accounts and
// hosts replaced: Fargate and EC2, both SDKs, several partitions, registries'
// own words, placement, application exits and texts that nothing is known of.
func reports(t testing.TB) []report {
	t.Helper()
	raw, err := os.ReadFile("testdata/reports.json")
	if err != nil {
		t.Fatal(err)
	}
	var read []report
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestReports(t *testing.T) {
	for _, r := range reports(t) {
		if got := Classify(r.Text); got.ID != r.ID || got.Class != r.Class || got.Object != r.Object || got.DeniedBy != r.DeniedBy {
			t.Errorf("%s\n  is %s of class %q about %q denied by %q,\nwant %s of %q about %q denied by %q", r.Text, got.ID, got.Class, got.Object, got.DeniedBy, r.ID, r.Class, r.Object, r.DeniedBy)
		}
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// What stands around a copied reason doesn't change its cause.
func TestFramesOfReports(t *testing.T) {
	type object = map[string]any
	serviceEvent := func(r report) bool {
		return r.ID == Unrecognised || r.ID == ApplicationExit || r.ID == OutOfMemory || r.ID == WrapperNoCause || strings.Contains(r.Text, "service")
	}
	for name, frame := range map[string]struct {
		around func(string) string
		not    func(report) bool
	}{
		"Markdown bold":      {func(text string) string { return "**" + text + "**" }, nil},
		"Markdown code":      {func(text string) string { return "`" + text + "`" }, nil},
		"Markdown quote":     {func(text string) string { return "> " + strings.ReplaceAll(text, ": ", ":\n> ") }, nil},
		"console label":      {func(text string) string { return "Status reason\t" + text }, nil},
		"console line":       {func(text string) string { return "Stopped reason: " + text }, nil},
		"stop code":          {func(text string) string { return "TaskFailedToStart: " + text }, nil},
		"ecs-cli":            {func(text string) string { return "STOPPED (" + text + ")" }, nil},
		"time":               {func(text string) string { return "2026-01-02T03:04:05.000Z " + text }, nil},
		"full stop":          {func(text string) string { return text + "." }, nil},
		"dots":               {func(text string) string { return text + "..." }, nil},
		"ISO partition":      {func(text string) string { return arnPart.ReplaceAllString(text, "arn:aws-iso-b:$1:us-isob-east-1:") }, nil},
		"European partition": {func(text string) string { return arnPart.ReplaceAllString(text, "arn:aws-eusc:$1:eusc-de-east-1:") }, nil},
		"upper case":         {strings.ToUpper, nil},
		"service event":      {func(text string) string { return "(service web) was unable to place a task. Reason: " + text + "." }, serviceEvent},
		"JSON string":        {func(text string) string { return strings.Trim(asJSON(t, text), `"`) }, nil},
		"JSON of a task":     {func(text string) string { return asJSON(t, object{"stoppedReason": text}) }, nil},
		"JSON of a container": {func(text string) string {
			return asJSON(t, object{"name": "app", "lastStatus": "STOPPED", "reason": text})
		}, nil},
		"describe-tasks": {func(text string) string {
			return asJSON(t, object{"failures": []any{}, "tasks": []any{object{"stopCode": "TaskFailedToStart", "stoppedReason": text, "lastStatus": "STOPPED"}}})
		}, nil},
		"event": {func(text string) string {
			return asJSON(t, object{"source": "aws.ecs", "detail": object{"lastStatus": "STOPPED", "stoppedReason": "Task failed to start", "containers": []any{object{"name": "app", "reason": text}}}})
		}, func(r report) bool { return !(Reason{ID: r.ID}).Failure() && r.ID != OutOfMemory }},
		"describe-jobs of AWS Batch": {func(text string) string {
			return asJSON(t, object{"statusReason": "Task failed to start", "container": object{"reason": text}})
		}, func(r report) bool { return !(Reason{ID: r.ID}).Failure() }},
	} {
		t.Run(name, func(t *testing.T) {
			for i, r := range reports(t) {
				if testing.Short() && i%4 != 0 {
					continue
				}
				if frame.not != nil && frame.not(r) {
					continue
				}
				text := frame.around(r.Text)
				if got := Classify(text); got.ID != r.ID {
					t.Errorf("%s\n  is %s, want %s", text, got.ID, r.ID)
				}
			}
		})
	}
}

// ECS cuts a reason at 1,024 bytes, consoles and copies earlier: the cause is
// the same, a more general one, or not known. Of an application's exit never
// any, however it is cut.
func TestCutReports(t *testing.T) {
	general := map[ID]bool{
		Unrecognised: true, WrapperNoCause: true, "start-other": true, "env-file-other": true, "place-unassigned": true,
		"image-denied-or-absent": true, "pull-layer-s3": true, "registry-forbidden": true, "registry-no-credential": true, "pull-media-type": true,
	}
	// The words about the key are the last.
	beforeKey := map[ID]bool{"ssm-denied": true, "registry-secret-denied": true, "secret-denied": true, "env-file-denied": true}
	for _, r := range reports(t) {
		for _, length := range []int{150, 200, 255, 1024} {
			if len(r.Text) <= length {
				continue
			}
			text := r.Text[:length]
			for !utf8.ValidString(text) {
				text = text[:len(text)-1]
			}
			got := Classify(text)
			if got.ID != r.ID && !general[got.ID] && !(r.ID == "secret-kms-denied" && beforeKey[got.ID]) {
				t.Errorf("%s\n  is %s, want %s or less exactly", text, got.ID, r.ID)
			}
			if r.ID == ApplicationExit && got.Failure() {
				t.Errorf("%s\n  is %s, want nothing of ours", text, got.ID)
			}
		}
	}
}

// A task's container that has an exit code ran, whatever its own log says.
func TestPastedApplicationExit(t *testing.T) {
	for _, text := range []string{
		`{"tasks":[{"stopCode":"EssentialContainerExited","stoppedReason":"Essential container in task exited","containers":[{"name":"app","exitCode":1}]}]}`,
		`{"detail":{"lastStatus":"STOPPED","stoppedReason":"Essential container in task exited","containers":[{"name":"app","exitCode":137,"reason":""}]}}`,
		`[{"StoppedReason":"Essential container in task exited","Containers":[{"Name":"app","ExitCode":2}]}]`,
	} {
		if got := Classify(text); got.ID != ApplicationExit || got.Ours != No {
			t.Errorf("%s\n  is %s, ours %s; want %s", text, got.ID, got.Ours, ApplicationExit)
		}
	}
	for _, text := range []string{`{}`, `[]`, `{"tasks":[]}`, `{"tasks":`, `[[[]]]`, `{"stoppedReason":7}`} {
		if got := Classify(text); got.ID != Unrecognised {
			t.Errorf("%s is %s, want %s", text, got.ID, Unrecognised)
		}
	}
}
