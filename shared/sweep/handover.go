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

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
)

const (
	// batchSize is SendMessageBatch's limit. Ten of our messages are far below
	// its 1 MiB.
	batchSize = 10
	// callsSideBySide: standard queues take nearly unlimited calls; more would only
	// have this function wait for its own processor.
	callsSideBySide = 8
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
		return receiver{function.ValidateConfig, s.ValidateConfigQueueURL, "VALIDATE_CONFIG_QUEUE_URL", "objects", 5}
	case TaskDefinitions:
		return receiver{function.PatchTaskDefinition, s.PatchTaskDefinitionQueueURL, "PATCH_TASK_DEFINITION_QUEUE_URL", "taskDefinitions", 5}
	case Secrets:
		return receiver{function.RotateSecret, s.RotateSecretQueueURL, "ROTATE_SECRET_QUEUE_URL", "secrets", 4}
	default:
		return receiver{function.AttachPolicies, s.AttachPoliciesQueueURL, "ATTACH_POLICIES_QUEUE_URL", "roles", 5}
	}
}

// handover hands things over to the function that looks after them.
type handover struct {
	kind     Kind
	queueURL string
	// field of the request that lists the names, pack of them in a message.
	field string
	pack  int
	names []string
}

func (h handover) describe() finding.Action {
	messages := (len(h.names) + h.pack - 1) / h.pack
	return finding.Action{Kind: "SendMessageBatch", Target: h.queueURL, Summary: fmt.Sprintf("hand over %s: %d, messages: %d", h.kind, len(h.names), messages)}
}

// handoverPlan is what is decided about a part that was listed.
type handoverPlan struct {
	findings []finding.Finding
	// handover is nil if nothing is handed over.
	handover *handover
}

// planHandover decides what is handed over of what was listed.
func (s Settings) planHandover(o Observation) handoverPlan {
	if o.Surroundings != nil {
		return handoverPlan{findings: s.judge(*o.Surroundings)}
	}
	planned := handoverPlan{findings: []finding.Finding{swept(o)}}
	planned.findings = append(planned.findings, o.Faults...)
	to := s.receiver(o.Part.Kind)
	switch {
	case len(o.Names) == 0:
	case to.queue == "":
		planned.findings = append(planned.findings, noQueue.With(finding.Words("function", to.function), finding.Words("variable", to.variable)))
	default:
		planned.handover = &handover{kind: o.Part.Kind, queueURL: to.queue, field: to.field, pack: to.pack, names: o.Names}
	}
	return planned
}

// swept says how much of a kind there is.
func swept(o Observation) finding.Finding {
	switch o.Part.Kind {
	case TaskDefinitions:
		return sweptDefinitions.With(finding.Count("count", o.Listed, "task definition", "task definitions"))
	case Secrets:
		return sweptSecrets.With(finding.Count("count", o.Listed, "secret", "secrets"), finding.Words("tag", driverTag))
	case ConfigObjects:
		return sweptObjects.With(finding.Count("count", o.Listed, "object", "objects"), finding.Count("files", len(o.Names), "config file", "config files"))
	default:
		return sweptRoles.With(finding.Count("count", o.Listed, "role", "roles"),
			finding.Count("ours", o.Settled+len(o.Names), "instance role", "instance roles"), finding.Count("fine", o.Settled, "needs no check", "need no check"), finding.Count("left", len(o.Names), "needs one", "need one"))
	}
}

// message is one to be sent, known by its reference.
type message struct{ reference, body string }

// sendAll sends messages, ten a call.
func (s *Sweep) sendAll(ctx context.Context, queue string, messages []message) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callsSideBySide)
	for some := range slices.Chunk(messages, batchSize) {
		group.Go(func() error { return s.sendBatch(ctx, queue, some) })
	}
	return group.Wait()
}

// pack makes the messages of a handover and notes that an answer is expected to
// each. References number them within the attempt, so that an answer to an
// earlier attempt at the same names is recognized.
func (r *Run) pack(handover *handover) []message {
	if handover == nil {
		return nil
	}
	var messages []message
	for names := range slices.Chunk(handover.names, handover.pack) {
		document := map[string]any{handover.field: names}
		if r.Mode == finding.DryRun {
			document["dry-run"] = true
		}
		if r.isRehearsal() {
			document["rehearsal"] = true
		}
		reference := strconv.Itoa(r.Attempt) + "." + strconv.Itoa(r.messages)
		r.messages++
		if !r.detached {
			document["sweep"] = r.ID + "." + reference
			r.Sent[reference] = Sent{handover.kind, names, r.isRehearsal()}
		}
		messages = append(messages, message{reference, body(document)})
	}
	return messages
}

func (r *Run) forget(messages []message) {
	for _, sent := range messages {
		delete(r.Sent, sent.reference)
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

// sendBatch sends one batch, and again what SQS did not take of it.
func (s *Sweep) sendBatch(ctx context.Context, queue string, messages []message) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		entries := make([]types.SendMessageBatchRequestEntry, len(messages))
		for i, sent := range messages {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(sent.body), DelaySeconds: delay}
		}
		output, err := s.clients.Queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(queue), Entries: entries})
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
			place, err := strconv.Atoi(aws.ToString(entry.Id))
			if err != nil || place < 0 || place >= len(messages) {
				return fmt.Errorf("send to the queue %s: SQS refused a message that was not sent", queue)
			}
			failed = append(failed, messages[place])
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
	f := messageRefused.With(finding.Name("queue", queue), finding.Answer("answer", aws.ToString(entry.Code)))
	if reason := aws.ToString(entry.Message); reason != "" {
		f = f.Also(refusalExplained, finding.Quote("reason", reason))
	}
	return finding.Refuse(f)
}
