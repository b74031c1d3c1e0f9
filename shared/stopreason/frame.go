package stopreason

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// People copy a reason together with what stands around it: the markup of a
// chat or an issue, a console's label, a log's time, or the JSON of
// describe-tasks and of events. Rules that read a whole text need it alone.

var (
	quoteMarks = onceRegexp(`(?m)^[ \t]*>[ \t]?`)
	labels     = onceRegexp(`(?i)^(` +
		`"?(stopped|status)[ _-]?reason"?\s*[:=|]?\s+` +
		`|"?(stopped_?reason|status_?reason|container reason|reason|message|error)"?\s*[:=|]\s*` +
		`|stopped reason: ` +
		`|\[?\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d)?[.,\d]*( ?(z|utc|[+-]\d\d:?\d\d))*\]?\s*` +
		`)`)
	// ecs-cli ps prints the reason behind the status.
	statusOfShell = onceRegexp(`(?i)^stopped(?: reason:\s*|\s*\()(.*?)\)?$`)
)

func onceRegexp(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// withoutFrame takes off what a person's copy has around a clean text.
func withoutFrame(text string) string {
	for range 4 {
		before := text
		text = strings.Trim(text, " *`|,")
		if unquoted := strings.Trim(text, `"`); len(unquoted) == len(text)-2 || strings.Count(text, `"`)%2 == 1 {
			text = unquoted
		}
		text = labels().ReplaceAllString(text, "")
		if match := statusOfShell().FindStringSubmatch(text); match != nil {
			text = match[1]
		}
		if text == before {
			break
		}
	}
	return text
}

// pastedTask is a task in the JSON of describe-tasks, of an event, or in a part
// of either; keys are read in any letter case.
type pastedTask struct {
	LastStatus    string
	StopCode      string
	StoppedReason string
	StatusReason  string // AWS Batch's word for stoppedReason
	Reason        string // a container's, or a failure's of RunTask
	EventMessage  string `json:"message"` // a service's event
	ErrorMessage  string // CloudTrail's
	PullStoppedAt any
	ExitCode      *int
	Name, Image   string
	Containers    []struct {
		Name, Image, Reason string
		ExitCode            *int
	}

	Tasks, Failures, Events, Services []pastedTask
	Detail, Container                 *pastedTask
}

// tasksOf reads the tasks of a JSON text; none where it isn't JSON or holds no reason.
func tasksOf(text string) []Task {
	text = strings.TrimSpace(text)
	if text == "" || text[0] != '{' && text[0] != '[' || len(text) > maxPasted {
		return nil
	}
	var documents []pastedTask
	if text[0] == '{' {
		text = "[" + text + "]"
	}
	if json.Unmarshal([]byte(text), &documents) != nil {
		return nil
	}
	var tasks []Task
	for _, document := range documents {
		tasks = append(tasks, document.tasks(3)...)
	}
	return tasks
}

// maxPasted bounds the JSON that is read, in bytes: describe-tasks gives at most
// 100 tasks.
const maxPasted = 1 << 20

func (p pastedTask) tasks(depth int) []Task {
	if depth == 0 {
		return nil
	}
	var tasks []Task
	for _, list := range [][]pastedTask{p.Tasks, p.Failures, p.Events, p.Services} {
		for _, inner := range list {
			tasks = append(tasks, inner.tasks(depth-1)...)
		}
	}
	for _, inner := range []*pastedTask{p.Detail, p.Container} {
		if inner != nil {
			tasks = append(tasks, inner.tasks(depth-1)...)
		}
	}
	task := Task{LastStatus: p.LastStatus, StopCode: p.StopCode, Pulled: p.PullStoppedAt != nil}
	for _, reason := range []string{p.StoppedReason, p.StatusReason, p.EventMessage, p.ErrorMessage} {
		if task.StoppedReason == "" {
			task.StoppedReason = reason
		}
	}
	for _, c := range p.Containers {
		task.Containers = append(task.Containers, Container{Name: c.Name, Image: c.Image, Reason: c.Reason, Exited: c.ExitCode != nil})
	}
	if p.Reason != "" || p.ExitCode != nil {
		task.Containers = append(task.Containers, Container{Name: p.Name, Image: p.Image, Reason: p.Reason, Exited: p.ExitCode != nil})
	}
	if task.StoppedReason != "" || len(task.Containers) > 0 {
		tasks = append(tasks, task)
	}
	return tasks
}

// ofPasted gives the reasons of pasted JSON.
func ofPasted(text string) []Reason {
	var reasons []Reason
	for _, task := range tasksOf(text) {
		read := OfTask(task)
		reasons = append(reasons, read.Reason)
		reasons = append(reasons, read.Also...)
	}
	return reasons
}
