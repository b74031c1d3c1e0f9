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

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/publish"
	"ecsguardrails/shared/sweepreport"
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

// Collection is how far a run has come when its invocation is to end.
type Collection struct {
	Run    *Run
	Now    time.Time
	Region string
	// GivenUp is for how many subjects nobody waits any more.
	GivenUp int
	// Handles are of the answers that were taken, and are to be deleted.
	Handles []string
}

// Conclusion is what an invocation ends with: exactly one field is set.
type Conclusion struct {
	// Report writes page and document of a run.
	Report *sweepreport.Summary
	// Keep writes the state, and then deletes the answers that are in it.
	Keep *Collection
	// GoOn asks for the next invocation.
	GoOn string
	// bucket and queue are where to.
	bucket, queue string
}

func (c Conclusion) describe() finding.Action {
	switch {
	case c.Report != nil:
		return finding.Action{Kind: "PutObject", Target: c.Report.Page, Summary: "the report of the sweep, and beside it " + c.Report.Document}
	case c.Keep != nil:
		return finding.Action{Kind: "PutObject", Target: "s3://" + c.bucket + "/" + stateKey, Summary: "what is known of the sweep " + c.Keep.Run.ID}
	default:
		return finding.Action{Kind: "SendMessage", Target: c.queue, Summary: "go on with " + c.GoOn}
	}
}

// collector takes answers.
type collector struct {
	sweep *Sweep
	run   *Run
}

// observe takes answers until all have come, none comes any more, or the time is
// up. They stay in the queue, hidden, until they are written down: a run that is
// cut off finds them there again.
func (c collector) observe(ctx context.Context, run *Run) (Collection, error) {
	now := func() time.Time { return c.sweep.now().UTC() }
	collected := Collection{Run: run}
	// What has come already is taken however long ago it was asked for: a run that
	// was cut off may be taken up late.
	for more := true; len(run.Sent) > 0 && run.listedAll(); {
		wait := min(longPoll, run.patience(c.sweep.settings.AnswerWait, now()))
		if more {
			wait = max(wait, time.Second)
		}
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, deadline.Sub(c.sweep.now())-closing)
		}
		wait = wait.Truncate(time.Second)
		if wait <= 0 {
			break
		}
		output, err := c.sweep.clients.Queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &c.sweep.settings.ResultsQueueURL, MaxNumberOfMessages: batchSize, WaitTimeSeconds: int32(wait / time.Second),
		})
		if err != nil {
			return Collection{}, fmt.Errorf("take answers from the queue %s: %w", c.sweep.settings.ResultsQueueURL, err)
		}
		more = len(output.Messages) > 0
		for _, message := range output.Messages {
			collected.Handles = append(collected.Handles, aws.ToString(message.ReceiptHandle))
			if run.answer(aws.ToString(message.Body)) {
				run.Progress = now()
			}
		}
	}
	if !run.detached && run.listedAll() && run.patience(c.sweep.settings.AnswerWait, now()) < time.Second {
		collected.GivenUp = run.giveUp(c.sweep.settings)
	}
	collected.Now = now()
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
	tally, news := r.tally(sent.Kind), 0
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
		r.add(sent.Kind, result, true)
	}
	r.Dropped += max(0, news-len(swept.Results))
	return true
}

// giveUp makes results of the subjects that nobody told of.
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
			r.add(sent.Kind, finding.Result{Subject: subject, Status: finding.Failed, Actions: []finding.Action{}, Findings: []finding.Finding{{
				Code: CodeNoAnswer, Severity: finding.Error,
				Message: fmt.Sprintf("%s was asked to look at it, and told nothing for %s", to.function, s.AnswerWait),
				Fix:     fmt.Sprintf("look into the log and the dead-letter queue of %s, and whether its mode is off", to.function),
			}}}, false)
		}
		delete(r.Sent, reference)
	}
	return count
}

// conclude decides what an invocation ends with.
func (s Settings) conclude(c Collection) (pipeline.Plan[Conclusion], sweepreport.Summary, bool) {
	run := c.Run
	summary := s.summarise(c)
	finished := summary.Complete || run.detached
	if !finished && s.SweepQueueURL != "" {
		return pipeline.Plan[Conclusion]{
			Findings: []finding.Finding{{Code: CodeReported, Severity: finding.Info, Message: fmt.Sprintf(
				"so far: %s. The sweep goes on by itself; its report will be %s, and a summary on the bus", summary.Headline, summary.Page)}},
			Actions: []Conclusion{
				{Keep: &c, bucket: s.ReportBucket},
				{GoOn: body(map[string]any{"continue": run.ID, "attempt": run.Attempt}), queue: s.SweepQueueURL},
			},
		}, summary, false
	}
	run.Ended = true
	var plan pipeline.Plan[Conclusion]
	switch {
	case run.detached:
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeNoReport, Severity: finding.Info,
			Message: summary.Headline + "; nobody waits for what is found, because REPORT_BUCKET or SWEEP_RESULTS_QUEUE_URL is not set"})
		return plan, summary, true
	case !finished:
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeIncomplete, Severity: finding.Error,
			Message: fmt.Sprintf("the time was up before everything was listed and answered: %s", summary.Headline),
			Fix:     "set SWEEP_QUEUE_URL to the queue that wakes this function, so that it can go on"})
	}
	plan.Findings = append(plan.Findings, finding.Finding{Code: CodeReported, Severity: finding.Info,
		Message: fmt.Sprintf("%s; the report is %s", summary.Headline, summary.Page)})
	if c.GivenUp > 0 {
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeNoAnswer, Severity: finding.Error,
			Message: fmt.Sprintf("of %d subjects nobody told anything for %s; the report names them", c.GivenUp, s.AnswerWait),
			Fix:     "look into the functions' logs and dead-letter queues, and whether their mode is off"})
	}
	plan.Actions = []Conclusion{{Report: &summary, bucket: s.ReportBucket}, {Keep: &c, bucket: s.ReportBucket}}
	return plan, summary, true
}

// told gives the summary for the answer, and the event about it.
func (r *Run) told() (returned sweepreport.Summary, event publish.Event, err error) {
	if returned, err = r.summary.Fitting(maxReturned); err != nil {
		return returned, event, err
	}
	event, err = publish.SweepSummary(*r.summary)
	return returned, event, err
}

// summarise makes the summary of what is known of a run.
func (s Settings) summarise(c Collection) sweepreport.Summary {
	run := c.Run
	summary := sweepreport.Summary{
		Sweep: run.ID, Stack: s.StackName, Account: s.accountID(), Region: c.Region, Mode: run.Mode, Started: run.Started, Ended: c.Now,
		Waiting: run.waiting(), Results: run.Results, LeftOut: run.Dropped,
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
	return summary.Completed()
}

// reportKey is where a run's report is, without its ending.
func (r *Run) reportKey() string { return "reports/" + r.Started.Format("2006/01/02") + "/" + r.ID }

// apply ends the invocation.
func (c collector) apply(ctx context.Context, conclusion Conclusion) error {
	switch {
	case conclusion.Report != nil:
		return c.report(ctx, *conclusion.Report)
	case conclusion.Keep != nil:
		return c.keep(ctx, *conclusion.Keep)
	default:
		_, err := c.sweep.clients.Queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &conclusion.queue, Entries: []types.SendMessageBatchRequestEntry{{
			Id: aws.String("0"), MessageBody: &conclusion.GoOn, DelaySeconds: goOnDelay,
		}}})
		if err != nil {
			return fmt.Errorf("send to the queue %s: %w", conclusion.queue, err)
		}
		return nil
	}
}

func (c collector) report(ctx context.Context, summary sweepreport.Summary) error {
	document, err := json.MarshalIndent(summary, "", " ")
	if err != nil {
		return fmt.Errorf("describe the sweep: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for ending, of := range map[string]struct {
		kind string
		body []byte
	}{".html": {"text/html; charset=utf-8", sweepreport.Page(summary)}, ".json": {"application/json", document}} {
		group.Go(func() error {
			key := c.run.reportKey() + ending
			_, err := c.sweep.clients.Storage.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &c.sweep.settings.ReportBucket, Key: &key, Body: bytes.NewReader(of.body), ContentType: &of.kind,
			})
			if err != nil {
				return fmt.Errorf("write the report s3://%s/%s: %w", c.sweep.settings.ReportBucket, key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// keep writes the state. That the answers stay in the queue when they cannot be
// deleted does no harm: they are known.
func (c collector) keep(ctx context.Context, collected Collection) error {
	c.run.Expires = c.sweep.now().UTC().Add(hold)
	if err := c.sweep.save(ctx, c.run); err != nil {
		if isTakenOver(err) {
			return finding.Refuse(finding.Finding{
				Code: CodeTakenOver, Severity: finding.Error, Message: fmt.Sprintf("another sweep has taken the place of %s, whose lock had run out", c.run.ID),
				Fix: "wait for the report of the other one",
			})
		}
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for some := range slices.Chunk(collected.Handles, batchSize) {
		group.Go(func() error {
			entries := make([]types.DeleteMessageBatchRequestEntry, len(some))
			for i, handle := range some {
				entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &handle}
			}
			_, err := c.sweep.clients.Queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &c.sweep.settings.ResultsQueueURL, Entries: entries})
			if err != nil {
				return fmt.Errorf("delete answers from the queue %s: %w", c.sweep.settings.ResultsQueueURL, err)
			}
			return nil
		})
	}
	return group.Wait()
}
