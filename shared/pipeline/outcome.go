package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// maxSweepDeliveries is how often a sweep's message is delivered at most: its
// other subjects are looked at each time, too, and the next sweep looks again.
const maxSweepDeliveries = 3

// Outcome is the result of one delivery.
type Outcome struct {
	Function string
	Mode     finding.Mode
	Entries  []Entry
	// Summary is what a sweep found in all.
	Summary any
	// Events are published beside the report's findings.
	Events []publish.Event
	// FromQueue says that SQS delivered it, and is answered with Failures.
	FromQueue bool
	// mustSucceed is the function's.
	mustSucceed bool
}

// Entry is the result for one subject.
type Entry struct {
	Result finding.Result
	// askedBy are the messages of the delivery that named the subject.
	askedBy []event.Message
	// occurred is when the first event that named it happened.
	occurred time.Time
	// waves is how many rounds of reads it took, 0 if nothing was read.
	waves    int
	measured []metric.Measurement
	// err is what a retry may cure.
	err error
	// untold is set if the news of the result was lost.
	untold bool
}

// AskedBy gives the entry with the messages of the delivery that named its
// subject. They are delivered again if it failed.
func (e Entry) AskedBy(messages ...event.Message) Entry {
	e.askedBy = messages
	e.Result.Sweep = e.sweep()
	e.Result.Rehearsal = len(messages) > 0 && !slices.ContainsFunc(messages, func(message event.Message) bool { return !message.IsRehearsal() })
	if e.Result.Rehearsal && !e.Result.IsPending() {
		// The result is the same in the function's own mode.
		e.Result.Mode = ""
	}
	e.Result.Redelivered = slices.ContainsFunc(messages, func(message event.Message) bool { return message.Received > 1 })
	return e
}

// sweep gives the reference of the sweep that asked for the entry, "" if anyone
// else did, too.
func (e Entry) sweep() string {
	reference := ""
	for _, message := range e.askedBy {
		sweep := message.Sweep()
		if sweep == "" {
			return ""
		}
		reference = cmp.Or(reference, sweep)
	}
	return reference
}

// deliverAgain lists the messages that have to come again for this entry.
func (e Entry) deliverAgain() []event.Message {
	if e.untold {
		return e.askedBy
	}
	if e.Result.Status != finding.Failed {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.askedBy), func(message event.Message) bool {
		return message.Sweep() != "" && message.Received >= maxSweepDeliveries
	})
}

// Report is the document that the function returns, logs and publishes.
func (o Outcome) Report() finding.Report {
	report := finding.Report{Version: version.Number, Function: o.Function, Mode: o.Mode, Results: make([]finding.Result, len(o.Entries)), Summary: o.Summary}
	for i, entry := range o.Entries {
		report.Results[i] = entry.Result
	}
	return report
}

// Failures answers SQS: the ids of the messages to deliver again.
func (o Outcome) Failures() []string {
	var ids []string
	for _, entry := range o.Entries {
		for _, message := range entry.deliverAgain() {
			if message.ID != "" && !slices.Contains(ids, message.ID) {
				ids = append(ids, message.ID)
			}
		}
	}
	return ids
}

// err joins what a retry may cure.
func (o Outcome) err() error {
	errs := make([]error, len(o.Entries))
	for i, entry := range o.Entries {
		errs[i] = entry.err
	}
	return errors.Join(errs...)
}

// complaint is what the caller of a MustSucceed function gets instead of a report
// that it would not read.
func (o Outcome) complaint() error {
	var complaints []error
	for _, entry := range o.Entries {
		if result := entry.Result; o.mustSucceed && result.Status != finding.Failed && result.HasError() {
			complaints = append(complaints, fmt.Errorf("%s: %s", result.Subject, summary(result)))
		}
	}
	return errors.Join(complaints...)
}

// swept gives the results of each message of a sweep, by its reference. What
// failed is among them at once, and not after the queue's next delivery: the
// sweep waits for it.
func (o Outcome) swept() map[string][]finding.Result {
	swept := map[string][]finding.Result{}
	for _, entry := range o.Entries {
		for _, message := range entry.askedBy {
			if reference := message.Sweep(); reference != "" {
				swept[reference] = append(swept[reference], entry.Result)
			}
		}
	}
	return swept
}

func summary(result finding.Result) string {
	var codes []string
	for _, f := range result.Findings {
		if f.Severity == finding.Error {
			codes = append(codes, f.Code+": "+f.Message)
		}
	}
	return fmt.Sprintf("%s: %s", result.Status, strings.Join(codes, "; "))
}
