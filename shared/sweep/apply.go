package sweep

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/finding"
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
)

type sender struct{ messages MessageSender }

// apply sends an action's messages. Delivered again, they are sent again:
// whoever receives them looks at a subject, however often it is named.
func (s sender) apply(ctx context.Context, action Action) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for bodies := range slices.Chunk(action.Bodies, batchSize) {
		group.Go(func() error { return s.send(ctx, action.QueueURL, bodies) })
	}
	return group.Wait()
}

// send sends one batch, and again what SQS did not take of it.
func (s sender) send(ctx context.Context, queue string, bodies []string) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		entries := make([]types.SendMessageBatchRequestEntry, len(bodies))
		for i, body := range bodies {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(body)}
		}
		output, err := s.messages.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(queue), Entries: entries})
		if err != nil {
			return fmt.Errorf("send to the queue %s: %w", queue, err)
		}
		if len(output.Failed) == 0 {
			return nil
		}
		failed := make([]string, 0, len(output.Failed))
		for _, entry := range output.Failed {
			if entry.SenderFault {
				return refused(queue, entry)
			}
			at, err := strconv.Atoi(aws.ToString(entry.Id))
			if err != nil || at < 0 || at >= len(bodies) {
				return fmt.Errorf("send to the queue %s: SQS refused a message that was not sent", queue)
			}
			failed = append(failed, bodies[at])
		}
		if attempt == attempts {
			return fmt.Errorf("send to the queue %s: after %d attempts, %d messages of a batch were not taken (%s)",
				queue, attempts, len(failed), aws.ToString(output.Failed[0].Code))
		}
		bodies = failed
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
