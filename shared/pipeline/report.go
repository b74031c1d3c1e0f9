package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

// margin is kept back of a function's time-out, so that what was found out until
// then is still reported.
const margin = 3 * time.Second

// Runner takes one payload through all steps but the report's publication: a
// Function of whatever types, or what orchestrates others.
type Runner interface {
	Handle(ctx context.Context, payload []byte) Outcome
}

// reporter ends each invocation: it logs, counts and publishes the report.
type reporter struct {
	runner  Runner
	events  publish.EventPutter
	bus     string
	stack   string
	log     *slog.Logger
	metrics io.Writer
	now     func() time.Time
}

// Invoke takes one payload through all steps (lambda.Handler). It answers a
// queue with batchItemFailures and everybody else with the report, and fails
// where the event should be delivered again.
func (r *reporter) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	started := r.now()
	looking, cancel := withMargin(ctx)
	defer cancel()
	outcome := r.runner.Handle(looking, payload)
	report := outcome.Report()
	for _, entry := range outcome.Entries {
		result := entry.Result
		attributes := []slog.Attr{
			slog.String("id", result.ID),
			slog.String("function", report.Function),
			slog.String("version", report.Version),
			slog.String("mode", string(report.ModeOf(result))),
			slog.String("subject", result.Subject),
			slog.String("status", string(result.Status)),
			slog.Any("owner", result.Owner),
			slog.Any("findings", result.Findings),
			slog.Any("actions", result.Actions),
		}
		if entry.waves > 0 {
			attributes = append(attributes, slog.Int("waves", entry.waves))
		}
		r.log.LogAttrs(ctx, level(result), "result", attributes...)
	}
	var unpublished error
	if err := r.publish(ctx, outcome); err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "publish findings", slog.String("error", err.Error()))
		if awserror.Classify(err) == awserror.Transient {
			for i, entry := range outcome.Entries {
				// News that all is well is no reason to look again: the next look brings it.
				if entry.Result.Newsworthy() || entry.Result.Sweep != "" || entry.Result.Redelivered {
					outcome.Entries[i].untold, unpublished = true, err
				}
			}
			if len(outcome.Events) > 0 {
				unpublished = err
			}
		}
	}
	run := metric.Run{Stack: r.stack, Function: report.Function, Mode: report.Mode, Started: started, Ended: r.now()}
	for _, entry := range outcome.Entries {
		run.Looks = append(run.Looks, metric.Look{Result: entry.Result, Occurred: entry.occurred, Measured: entry.measured})
	}
	if err := metric.Write(r.metrics, run); err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "write metrics", slog.String("error", err.Error()))
	}
	if outcome.FromQueue {
		return json.Marshal(batchAnswer(outcome.Failures()))
	}
	if err := errors.Join(outcome.err(), unpublished, outcome.complaint()); err != nil {
		return nil, err
	}
	return json.Marshal(report)
}

// publish sends the findings, what is clear, and to a sweep the results that it
// waits for, in as few calls as possible.
func (r *reporter) publish(ctx context.Context, outcome Outcome) error {
	report := outcome.Report()
	events, err := publish.Findings(r.stack, report)
	clear, clearErr := publish.Clear(r.stack, report)
	events, err = append(events, clear...), errors.Join(err, clearErr)
	for reference, results := range outcome.swept() {
		swept, sweptErr := publish.SweptResults(r.stack, report, reference, results)
		events, err = append(events, swept), errors.Join(err, sweptErr)
	}
	return errors.Join(err, publish.Put(ctx, r.events, r.bus, slices.Concat(events, outcome.Events)))
}

// batchItemFailures is the answer that ReportBatchItemFailures reads; an empty
// list is success, a null one too, but only the former is documented.
type batchItemFailures struct {
	Failures []itemIdentifier `json:"batchItemFailures"`
}

type itemIdentifier struct {
	ID string `json:"itemIdentifier"`
}

func batchAnswer(ids []string) batchItemFailures {
	answer := batchItemFailures{Failures: []itemIdentifier{}}
	for _, id := range ids {
		answer.Failures = append(answer.Failures, itemIdentifier{id})
	}
	return answer
}

func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || time.Until(deadline) < 2*margin {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-margin))
}

func level(result finding.Result) slog.Level {
	switch {
	case result.HasError():
		return slog.LevelError
	case result.Newsworthy():
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
