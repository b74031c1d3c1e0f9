package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

const (
	// batchSize is SendMessageBatch's limit. Ten of our messages are far below
	// its 1 MiB.
	batchSize = 10
	// side by side: standard queues take nearly unlimited calls; more would only
	// have this function wait for its own processor.
	sideBySide = 8
	// attempts at a message that SQS refuses alone, inside a call that succeeds
	// and that the SDK therefore does not retry; with pauses of 1, 2 and 4 s.
	attempts   = 4
	firstPause = time.Second
	// delay of a message, in seconds, in the place of its queue's: what exists
	// already has settled. The SDK does not send a zero.
	delay = 1
)

// receiver is who looks after a kind.
type receiver struct {
	function string
	// queue is the URL of its queue, and variable the setting that gives it.
	queue, variable string
	// field of a request that lists such things.
	field string
	// pack is how many a message names. An invocation gets up to ten messages, of
	// which it looks at four subjects at once, and must be done within a minute;
	// rotate-secret gets one message, within two minutes, and may wait for a
	// registry in each look.
	pack int
}

func (s Settings) receiver(kind Kind) receiver {
	switch kind {
	case ConfigObjects:
		return receiver{"validate-config", s.ValidateConfigQueueURL, "VALIDATE_CONFIG_QUEUE_URL", "objects", 5}
	case TaskDefinitions:
		return receiver{"patch-task-definition", s.PatchTaskDefinitionQueueURL, "PATCH_TASK_DEFINITION_QUEUE_URL", "taskDefinitions", 5}
	case Secrets:
		return receiver{"rotate-secret", s.RotateSecretQueueURL, "ROTATE_SECRET_QUEUE_URL", "secrets", 4}
	default:
		return receiver{"attach-policies", s.AttachPoliciesQueueURL, "ATTACH_POLICIES_QUEUE_URL", "roles", 5}
	}
}

// Action hands things over to the function that looks after them.
type Action struct {
	Kind     Kind
	QueueURL string
	// Field of the request that lists the names, Pack of them in a message.
	Field string
	Pack  int
	Names []string
}

func (a Action) describe() finding.Action {
	messages := (len(a.Names) + a.Pack - 1) / a.Pack
	return finding.Action{Kind: "SendMessageBatch", Target: a.QueueURL, Summary: fmt.Sprintf("hand over %s: %d, messages: %d", a.Kind, len(a.Names), messages)}
}

// plan decides what is handed over of what was listed.
func (s Settings) plan(o Observation) pipeline.Plan[Action] {
	if o.Surroundings != nil {
		return pipeline.Plan[Action]{Findings: s.judge(*o.Surroundings)}
	}
	planned := pipeline.Plan[Action]{Findings: []finding.Finding{{Code: CodeSwept, Severity: finding.Info, Message: describe(o)}}}
	planned.Findings = append(planned.Findings, o.Faults...)
	to := s.receiver(o.Part.Kind)
	switch {
	case len(o.Names) == 0:
	case to.queue == "":
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeNoQueue, Severity: finding.Info,
			Message: fmt.Sprintf("nobody looks at them: %s is off, or %s is not set", to.function, to.variable),
		})
	default:
		planned.Actions = []Action{{Kind: o.Part.Kind, QueueURL: to.queue, Field: to.field, Pack: to.pack, Names: o.Names}}
	}
	return planned
}

func describe(o Observation) string {
	switch o.Part.Kind {
	case TaskDefinitions:
		return fmt.Sprintf("task definition families with an active revision, and older revisions that are used: %d", o.Listed)
	case Secrets:
		return fmt.Sprintf("secrets with the tag %s that are rotated in this region: %d", driverTag, o.Listed)
	case ConfigObjects:
		return fmt.Sprintf("objects in config buckets: %d; of these, %d are config files", o.Listed, len(o.Names))
	default:
		return fmt.Sprintf("roles: %d; of these, %d are fine as they are listed, and %d are to be looked at", o.Listed, o.Settled, len(o.Names))
	}
}

// sender sends messages of a run.
type sender struct {
	queues Queues
	run    *Run
	now    func() time.Time
}

// message is one to be sent, known by its reference.
type message struct{ reference, body string }

// apply hands over, ten messages a call. What was sent in vain, because another
// message was not taken, is forgotten: the next attempt sends it again, and to
// look at something twice does no harm.
func (s sender) apply(ctx context.Context, action Action) error {
	messages := s.run.pack(action)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for some := range slices.Chunk(messages, batchSize) {
		group.Go(func() error { return s.send(ctx, action.QueueURL, some) })
	}
	err := group.Wait()
	if err != nil {
		s.run.forget(messages)
		return err
	}
	s.run.mutex.Lock()
	defer s.run.mutex.Unlock()
	s.run.Progress = s.now().UTC()
	return nil
}

// pack makes the messages of an action and notes that an answer is expected to
// each. References number them within the attempt: an answer to an earlier
// attempt at the same names is nobody's.
func (r *Run) pack(action Action) []message {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var messages []message
	for names := range slices.Chunk(action.Names, action.Pack) {
		document := map[string]any{action.Field: names}
		if r.Mode == finding.DryRun {
			document["dry-run"] = true
		}
		one := message{reference: strconv.Itoa(r.Attempt) + "." + strconv.Itoa(r.messages)}
		r.messages++
		if !r.detached {
			document["sweep"] = r.ID + "." + one.reference
			r.Sent[one.reference] = Sent{action.Kind, names}
		}
		one.body = body(document)
		messages = append(messages, one)
	}
	return messages
}

func (r *Run) forget(messages []message) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, one := range messages {
		delete(r.Sent, one.reference)
	}
}

// parseReference gives the run's id and what follows it.
func parseReference(reference string) (id, rest string) {
	id, rest, _ = strings.Cut(reference, ".")
	return id, rest
}

// body marshals what cannot fail to: texts, numbers and lists of them.
func body(fields map[string]any) string {
	marshalled, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(marshalled)
}

// send sends one batch, and again what SQS did not take of it.
func (s sender) send(ctx context.Context, queue string, messages []message) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		entries := make([]types.SendMessageBatchRequestEntry, len(messages))
		for i, one := range messages {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(one.body), DelaySeconds: delay}
		}
		output, err := s.queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(queue), Entries: entries})
		if err != nil {
			return fmt.Errorf("send to the queue %s: %w", queue, err)
		}
		if len(output.Failed) == 0 {
			return nil
		}
		failed := make([]message, 0, len(output.Failed))
		for _, entry := range output.Failed {
			if entry.SenderFault {
				return refused(queue, entry)
			}
			at, err := strconv.Atoi(aws.ToString(entry.Id))
			if err != nil || at < 0 || at >= len(messages) {
				return fmt.Errorf("send to the queue %s: SQS refused a message that was not sent", queue)
			}
			failed = append(failed, messages[at])
		}
		if attempt == attempts {
			return fmt.Errorf("send to the queue %s: after %d attempts, %d messages of a batch were not taken (%s)",
				queue, attempts, len(failed), aws.ToString(output.Failed[0].Code))
		}
		messages = failed
		select {
		case <-ctx.Done():
			return fmt.Errorf("send to the queue %s: %w", queue, ctx.Err())
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// refused is a message that SQS will refuse however often it is sent.
func refused(queue string, entry types.BatchResultErrorEntry) error {
	return finding.Refuse(finding.Finding{
		Code: CodeRefused, Severity: finding.Error,
		Message: fmt.Sprintf("the queue %s refuses a message with %s: %s", queue, aws.ToString(entry.Code), aws.ToString(entry.Message)),
		Fix:     "look at the queue's policy, key and type: it must be a standard queue that this function's role may send to",
	})
}
