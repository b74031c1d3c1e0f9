package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

const (
	// longPoll is SQS's limit of a wait for messages.
	longPoll = 20 * time.Second
	// closing is kept back of an invocation's time to write down what is known.
	closing = 15 * time.Second
	// longest is when a sweep gives up on answers even if some still come: the
	// next day's is due.
	longest = 12 * time.Hour
	// goOnDelay, in seconds, lets answers gather before the next invocation.
	goOnDelay = 5
	// maxReturned keeps the answer below Lambda's 6 MB with the other results.
	maxReturned = 3 << 20
)

// collection is what came while an invocation waited for answers.
type collection struct {
	now time.Time
	// givenUp is the number of subjects that no answer is expected for any more.
	givenUp int
	// mutes are what people have accepted by the end.
	mutes mute.List
	// handles are of the answers that were taken, and should be deleted.
	handles []string
}

// and adds what came later.
func (c collection) and(later collection) collection {
	return collection{now: later.now, mutes: later.mutes, givenUp: c.givenUp + later.givenUp, handles: slices.Concat(c.handles, later.handles)}
}

// conclusion is what an invocation ends with.
type conclusion struct {
	summary sweepreport.Summary
	// final says that the sweep ends here.
	final    bool
	findings []finding.Finding
	// steps in their order.
	steps []step
}

// step is one thing to do at the end of an invocation: exactly one of report,
// keep and goOn is set.
type step struct {
	// report writes page and document of a run.
	report bool
	// keep writes the state, and then deletes the answers that are in it.
	keep bool
	// goOn is the message that asks for the next invocation.
	goOn   string
	action finding.Action
}

// collect takes answers until all have come, none comes any more, or the time is
// up. They stay in the queue, hidden, until they are written down: a run that is
// cut off finds them there again.
func (s *Sweep) collect(ctx context.Context, run *Run) (collection, error) {
	now := func() time.Time { return s.now().UTC() }
	var collected collection
	// What has come already is taken however long ago it was asked for: a run that
	// was cut off may be taken up late.
	for more := true; len(run.Sent) > 0 && run.listedAll(); {
		wait := min(longPoll, run.patience(s.settings.AnswerWait, now()))
		if more {
			wait = max(wait, time.Second)
		}
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, deadline.Sub(s.now())-closing)
		}
		wait = wait.Truncate(time.Second)
		if wait <= 0 {
			break
		}
		output, err := s.clients.Queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &s.settings.ResultsQueueURL, MaxNumberOfMessages: batchSize, WaitTimeSeconds: int32(wait / time.Second),
		})
		if err != nil {
			return collection{}, fmt.Errorf("take answers from the queue %s: %w", s.settings.ResultsQueueURL, err)
		}
		more = len(output.Messages) > 0
		for _, message := range output.Messages {
			collected.handles = append(collected.handles, aws.ToString(message.ReceiptHandle))
			if run.answer(aws.ToString(message.Body)) {
				run.Progress = now()
			}
		}
	}
	if !run.detached && run.listedAll() && run.patience(s.settings.AnswerWait, now()) < time.Second {
		collected.givenUp = run.giveUp(s.settings)
	}
	if !run.detached && len(sweepreport.Open(run.Results)) > 0 {
		collected.mutes = mute.Read(ctx, s.clients.Storage, s.settings.ReportBucket)
	}
	collected.now = now()
	return collected, nil
}

// listedAll reports whether nothing is left to be handed over.
func (r *Run) listedAll() bool { return len(r.parts()) == 0 }

// patience is how much longer to wait for an answer.
func (r *Run) patience(silence time.Duration, now time.Time) time.Duration {
	return min(r.Progress.Add(silence).Sub(now), r.Started.Add(longest).Sub(now))
}

// waiting counts the subjects without an answer.
func (r *Run) waiting() (count int) {
	for _, sent := range r.Sent {
		count += len(sent.Subjects)
	}
	return count
}

// answer takes one, as EventBridge has put it into the queue. It is false for
// those of other runs, of earlier attempts, and for one that came before.
func (r *Run) answer(text string) bool {
	var event struct{ Detail publish.Swept }
	if json.Unmarshal([]byte(text), &event) != nil {
		return false
	}
	swept := event.Detail
	id, reference := parseReference(swept.Reference)
	sent, expected := r.Sent[reference]
	if id != r.ID || !expected {
		return false
	}
	delete(r.Sent, reference)
	if sent.Rehearsal && swept.Pending > 0 {
		r.rehearsed(reference, Rehearsed{sent, swept})
	} else {
		r.count(sent.Kind, swept)
	}
	return true
}

// count adds the outcomes for the subjects of a message to the report.
func (r *Run) count(kind Kind, swept publish.Swept) {
	tally, news := r.tally(kind), 0
	for status, count := range swept.Statuses {
		tally.Statuses[status] += count
		if (finding.Result{Status: status}).Newsworthy() {
			news += count
		}
	}
	for code, count := range swept.Codes {
		tally.Codes[code] += count
	}
	for _, result := range swept.Results {
		r.add(kind, result, true)
	}
	r.Dropped += max(0, news-len(swept.Results))
}

// giveUp makes results of the subjects that no function answered about.
func (r *Run) giveUp(s Settings) (count int) {
	references := make([]string, 0, len(r.Sent))
	for reference := range r.Sent {
		references = append(references, reference)
	}
	slices.Sort(references)
	for _, reference := range references {
		sent := r.Sent[reference]
		to := s.receiver(sent.Kind)
		for _, subject := range sent.Subjects {
			if sent.Kind == Roles {
				subject = "role/" + subject
			}
			count++
			r.add(sent.Kind, finding.Result{Subject: subject, Status: finding.Failed, Actions: []finding.Action{}, Findings: []finding.Finding{
				noAnswer.With(finding.Words("function", to.function), finding.Lasting("wait", s.AnswerWait)),
			}}, false)
		}
		delete(r.Sent, reference)
	}
	return count
}

// plan decides what an invocation ends with.
func (s Settings) plan(run *Run, collected collection, region string) conclusion {
	summary := s.summarise(run, collected, region)
	keep := step{keep: true, action: finding.Action{
		Kind: "PutObject", Target: "s3://" + s.ReportBucket + "/" + stateKey, Summary: "what is known of the sweep " + run.ID,
	}}
	finished := summary.Complete || run.detached
	if !finished && s.SweepQueueURL != "" && run.Attempt < maxInvocations {
		message := body(map[string]any{"continue": run.ID, "attempt": run.Attempt})
		return conclusion{
			summary:  summary,
			findings: []finding.Finding{reportedSoFar.With(finding.Words("headline", summary.Headline), finding.Name("page", summary.Page))},
			steps:    []step{keep, {goOn: message, action: finding.Action{Kind: "SendMessage", Target: s.SweepQueueURL, Summary: "go on with " + message}}},
		}
	}
	concluded := conclusion{summary: summary, final: true}
	switch {
	case run.detached:
		concluded.findings = append(concluded.findings, notReported.With(finding.Words("headline", summary.Headline)))
		if asks := run.asks(s.FunctionName); asks != nil {
			concluded.findings = append(concluded.findings, *asks)
		}
		return concluded
	case !finished && run.Attempt >= maxInvocations:
		concluded.findings = append(concluded.findings, tooManyInvocations.With(finding.Count("invocations", run.Attempt, "invocation", "invocations"), finding.Words("headline", summary.Headline)))
	case !finished:
		concluded.findings = append(concluded.findings, timeUp.With(finding.Words("headline", summary.Headline)))
	}
	concluded.findings = append(concluded.findings, reported.With(finding.Words("headline", summary.Headline), finding.Name("page", summary.Page)))
	if asks := run.asks(s.FunctionName); asks != nil {
		concluded.findings = append(concluded.findings, *asks)
	}
	if collected.givenUp > 0 {
		concluded.findings = append(concluded.findings, noAnswers.With(finding.Count("subjects", collected.givenUp, "subject", "subjects"), finding.Lasting("wait", s.AnswerWait)))
	}
	concluded.steps = []step{
		{report: true, action: finding.Action{Kind: "PutObject", Target: summary.Page, Summary: "the report of the sweep, and beside it " + summary.Document}},
		keep,
	}
	return concluded
}

// told gives the summary for the answer, and the event about it.
func (c conclusion) told() (returned sweepreport.Summary, event publish.Event, err error) {
	if returned, err = c.summary.Fitting(maxReturned); err != nil {
		return returned, event, err
	}
	event, err = publish.SweepSummary(c.summary)
	return returned, event, err
}

// summarise makes the summary of what is known of a run.
func (s Settings) summarise(run *Run, collected collection, region string) sweepreport.Summary {
	summary := sweepreport.Summary{
		Sweep: run.ID, Version: version.Number, Stack: s.StackName, Account: s.accountID(), Region: region, Mode: run.Mode, Started: run.Started, Ended: collected.now,
		Waiting: run.waiting(), Results: run.Results, LeftOut: run.Dropped,
	}
	if asks := run.asks(s.FunctionName); asks != nil {
		summary.Asks = asks.Message + " " + asks.Fix
	}
	summary.Complete = summary.Waiting == 0 && run.listedAll()
	for _, kind := range append([]Kind{Account}, run.Kinds...) {
		tally := run.tally(kind)
		summary.Kinds = append(summary.Kinds, sweepreport.Kind{Name: string(kind), Listed: tally.Listed, Statuses: tally.Statuses, Codes: tally.Codes})
	}
	if !run.detached {
		place := "s3://" + s.ReportBucket + "/" + run.reportKey()
		summary.Page, summary.Document = place+".html", place+".json"
	}
	return summary.WithoutMuted(collected.mutes, collected.now).Compared(run.Earlier, run.EarlierStarted).Completed()
}

// reportKey is where a run's report is, without its ending.
func (r *Run) reportKey() string { return "reports/" + r.Started.Format("2006/01/02") + "/" + r.ID }

// finish takes the steps of a conclusion. What is written is the sweep's own, so a
// dry run does it, too.
func (s *Sweep) finish(ctx context.Context, run *Run, collected collection, concluded conclusion) (finding.Result, error) {
	result := finding.Result{Findings: concluded.findings}
	for _, step := range concluded.steps {
		result.Actions = append(result.Actions, step.action)
	}
	for i, step := range concluded.steps {
		if err := s.take(ctx, step, run, collected, concluded.summary); err != nil {
			return result, fmt.Errorf("%s: %w", step.action.Kind, err)
		}
		result.Actions[i].Applied = true
	}
	result.Status = finding.Decide(finding.Enforce, result.Findings, result.Actions)
	return result, nil
}

func (s *Sweep) take(ctx context.Context, step step, run *Run, collected collection, summary sweepreport.Summary) error {
	switch {
	case step.report:
		return s.report(ctx, run, summary)
	case step.keep:
		return s.keep(ctx, run, collected.handles)
	default:
		_, err := s.clients.Queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.settings.SweepQueueURL, Entries: []types.SendMessageBatchRequestEntry{{
			Id: aws.String("0"), MessageBody: &step.goOn, DelaySeconds: goOnDelay,
		}}})
		if err != nil {
			return fmt.Errorf("send to the queue %s: %w", s.settings.SweepQueueURL, err)
		}
		return nil
	}
}

func (s *Sweep) report(ctx context.Context, run *Run, summary sweepreport.Summary) error {
	document, err := json.MarshalIndent(summary, "", " ")
	if err != nil {
		return fmt.Errorf("describe the sweep: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for ending, file := range map[string]struct {
		kind string
		body []byte
	}{".html": {"text/html; charset=utf-8", sweepreport.Page(summary)}, ".json": {"application/json", document}} {
		group.Go(func() error {
			key := run.reportKey() + ending
			_, err := s.clients.Storage.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &s.settings.ReportBucket, Key: &key, Body: bytes.NewReader(file.body), ContentType: &file.kind,
			})
			if err != nil {
				return fmt.Errorf("write the report s3://%s/%s: %w", s.settings.ReportBucket, key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// keep writes the state. That the answers stay in the queue when they cannot be
// deleted does no harm: they are known.
func (s *Sweep) keep(ctx context.Context, run *Run, handles []string) error {
	run.Expires = s.now().UTC().Add(hold)
	if err := s.save(ctx, run); err != nil {
		if isTakenOver(err) {
			return finding.Refuse(takenOver.With(finding.Name("id", run.ID)))
		}
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callsSideBySide)
	for some := range slices.Chunk(handles, batchSize) {
		group.Go(func() error {
			entries := make([]types.DeleteMessageBatchRequestEntry, len(some))
			for i, handle := range some {
				entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &handle}
			}
			_, err := s.clients.Queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &s.settings.ResultsQueueURL, Entries: entries})
			if err != nil {
				return fmt.Errorf("delete answers from the queue %s: %w", s.settings.ResultsQueueURL, err)
			}
			return nil
		})
	}
	return group.Wait()
}
