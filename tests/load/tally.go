package load

import (
	"encoding/json"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Calls counts what a function called about one subject, by operation.
type Calls map[string]int

// tally counts the functions' calls as they are recorded.
type tally struct {
	record   *awscall.Record
	position int
	// about has what a function called about a subject: a role's name, an
	// object's key, a family. Refused calls count, too.
	about map[string]map[string]Calls
	// done has only the changes that succeeded, published the findings.
	done, published map[string]map[string]Calls
	// all has every call of a function.
	all map[string]Calls
}

func newTally(record *awscall.Record) *tally {
	return &tally{
		record: record, position: record.Mark(),
		about: map[string]map[string]Calls{}, done: map[string]map[string]Calls{}, published: map[string]map[string]Calls{}, all: map[string]Calls{},
	}
}

// update counts what was recorded since the last time.
func (t *tally) update() {
	calls := t.record.Since(t.position)
	t.position += len(calls)
	for _, call := range calls {
		if call.Caller == awscall.Person {
			continue
		}
		if t.all[call.Caller] == nil {
			t.all[call.Caller] = Calls{}
		}
		t.all[call.Caller][call.Operation]++
		if call.Operation == "PutEvents" {
			for _, subject := range publishedSubjects(call) {
				add(t.published, call.Caller, subject, call.Operation)
			}
			continue
		}
		if subject := Subject(call); subject != "" {
			add(t.about, call.Caller, subject, call.Operation)
			if !call.Failed() {
				add(t.done, call.Caller, subject, call.Operation)
			}
		}
	}
}

func add(counts map[string]map[string]Calls, caller, subject, operation string) {
	if counts[caller] == nil {
		counts[caller] = map[string]Calls{}
	}
	if counts[caller][subject] == nil {
		counts[caller][subject] = Calls{}
	}
	counts[caller][subject][operation]++
}

// Subject says which role, object or family a call is about; "" for none.
func Subject(call awscall.Call) string {
	for _, name := range []string{"RoleName", "Key", "family", "familyPrefix"} {
		if value, ok := call.Parameters[name].(string); ok {
			return value
		}
	}
	if arn, ok := call.Parameters["PolicySourceArn"].(string); ok {
		return arn[strings.LastIndexByte(arn, '/')+1:]
	}
	if revision, ok := call.Parameters["taskDefinition"].(string); ok {
		family, _, _ := strings.Cut(revision[strings.LastIndexByte(revision, '/')+1:], ":")
		return family
	}
	return ""
}

// CallsAbout counts what a function called since a mark, by the subject that
// each call is about; refused calls count, too.
func CallsAbout(record *awscall.Record, mark int, function string) map[string]Calls {
	counted := newTally(record)
	counted.position = mark
	counted.update()
	return counted.about[function]
}

// publishedSubjects are those of the findings in a PutEvents call, as reports
// name them.
func publishedSubjects(call awscall.Call) []string {
	entries, _ := call.Parameters["Entries"].([]any)
	var subjects []string
	for _, entry := range entries {
		entry, _ := entry.(map[string]any)
		text, _ := entry["Detail"].(string)
		var detail struct{ Subject string }
		if json.Unmarshal([]byte(text), &detail) == nil && detail.Subject != "" {
			subjects = append(subjects, detail.Subject)
		}
	}
	return subjects
}
