package digest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// Name is the function's.
const Name = "notify"

// Settings are the function's environment.
type Settings struct {
	settings.Shared
	// MailTopic and ChatTopic are the ARNs of the topics that people subscribe to.
	MailTopic string `env:"MAIL_TOPIC_ARN,notEmpty"`
	ChatTopic string `env:"CHAT_TOPIC_ARN,notEmpty"`
	// ReportBucket has the findings that are muted (mute.Key) and what people were
	// told about (ledgerKey). Without it nothing is muted, and nothing resolved.
	ReportBucket string `env:"REPORT_BUCKET"`
	// SecurityHubProduct is the ARN under which Security Hub is told of findings; ""
	// tells it of none.
	SecurityHubProduct string `env:"SECURITY_HUB_PRODUCT_ARN"`
}

// bucket is the stack's report bucket, which is in the Region of its topics.
func (s Settings) bucket() Bucket {
	topic, err := arn.Parse(s.MailTopic)
	if err != nil {
		return Bucket{Name: s.ReportBucket}
	}
	return Bucket{Name: s.ReportBucket, Region: topic.Region}
}

// ledgerKey is the ledger's, in the report bucket.
const ledgerKey = mute.ToldKey

const (
	// maxLedger bounds what is read of the ledger, in bytes.
	maxLedger = 16 << 20
	// maxWrites is how often the ledger is written at most: Lambda runs two batches
	// side by side, and each may be in the other's way.
	maxWrites = 4
)

// Publisher is the part of SNS's client that telling people needs.
type Publisher interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Storage is the part of S3's client that the mutes and the ledger need.
type Storage interface {
	mute.ObjectGetter
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Notifier tells people what the events of one batch say.
type Notifier struct {
	Settings Settings
	Topics   Publisher
	Storage  Storage
	Hub      Importer
	Now      func() time.Time
}

// Handle tells people of one batch. Its report has no entries unless something
// went wrong: a finding about findings would come back.
func (n *Notifier) Handle(ctx context.Context, payload []byte) pipeline.Outcome {
	delivery := event.Decode(payload)
	outcome := pipeline.Outcome{Function: Name, Mode: finding.Enforce, FromQueue: delivery.FromQueue}
	var events []Event
	for _, message := range delivery.Messages {
		for _, trigger := range message.Triggers {
			// Events of others are dropped.
			if notification, ok := trigger.(event.Notification); ok {
				if told, err := Read(notification); err == nil {
					events = append(events, told)
				}
			}
		}
	}
	if len(events) == 0 {
		return outcome
	}
	mutes, kept := n.read(ctx, events)
	messages, err := Compose(events, mutes, kept.ledger, n.Settings.bucket(), n.Now())
	if err == nil {
		err = n.tell(ctx, messages)
	}
	if err != nil {
		// Whatever the error, the messages go back and, in the end, to the
		// dead-letter queue, whose alarm needs no function. So its class is dropped.
		entry := pipeline.Attempt(Name, "digest", func() (finding.Result, error) { return finding.Result{}, errors.New(err.Error()) })
		outcome.Entries = append(outcome.Entries, entry.AskedBy(delivery.Messages...))
		return outcome
	}
	// People know by now. What fails from here on is logged, and not told twice.
	if err := n.keep(ctx, events, mutes, kept); err != nil {
		outcome.Entries = append(outcome.Entries, pipeline.Attempt(Name, ledgerKey, func() (finding.Result, error) { return finding.Result{}, err }))
	}
	return outcome
}

// keptLedger is the ledger as it lies in the bucket.
type keptLedger struct {
	ledger Ledger
	// tag is the object's ETag, "" where there is none.
	tag string
	// err says why it can't be read; then it isn't written either.
	err error
}

// read reads the mutes and the ledger, side by side.
func (n *Notifier) read(ctx context.Context, events []Event) (mutes mute.List, kept keptLedger) {
	var group errgroup.Group
	if slices.ContainsFunc(events, func(event Event) bool { return event.Sweep == nil && event.Clear == nil }) {
		group.Go(func() error {
			mutes = mute.Read(ctx, n.Storage, n.Settings.ReportBucket)
			return nil
		})
	}
	group.Go(func() error {
		kept = n.readLedger(ctx)
		return nil
	})
	_ = group.Wait()
	return mutes, kept
}

func (n *Notifier) readLedger(ctx context.Context) keptLedger {
	if n.Settings.ReportBucket == "" {
		return keptLedger{}
	}
	output, err := n.Storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &n.Settings.ReportBucket, Key: aws.String(ledgerKey)})
	if awserror.HasCode(err, "NoSuchKey", "NotFound") {
		return keptLedger{}
	}
	if err != nil {
		return keptLedger{err: fmt.Errorf("read what people were told: %w", err)}
	}
	defer func() { _ = output.Body.Close() }()
	kept := keptLedger{tag: aws.ToString(output.ETag)}
	content, err := io.ReadAll(io.LimitReader(output.Body, maxLedger))
	if err != nil {
		return keptLedger{err: fmt.Errorf("read what people were told: %w", err)}
	}
	if json.Unmarshal(content, &kept.ledger) != nil {
		// Somebody else wrote it. It is begun again: what stands is told again.
		kept.ledger = Ledger{}
	}
	return kept
}

// keep tells Security Hub what it does not know, and writes the ledger. Where
// another batch was quicker, the events are entered into what that one wrote.
func (n *Notifier) keep(ctx context.Context, events []Event, mutes mute.List, kept keptLedger) error {
	if kept.err != nil || n.Settings.ReportBucket == "" {
		return kept.err
	}
	product := n.Settings.SecurityHubProduct
	for range maxWrites {
		next, _ := kept.ledger.follow(withoutPassing(latest(events)), mutes, inHub(product), n.Now())
		if product != "" {
			next = importUnsent(ctx, n.Hub, product, next, n.Now())
		}
		var refused error
		if next.HubProblem != "" {
			refused = errors.New("tell Security Hub: " + next.HubProblem)
		}
		err := n.write(ctx, kept, next)
		if !awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
			return errors.Join(err, refused)
		}
		if kept = n.readLedger(ctx); kept.err != nil {
			return kept.err
		}
	}
	return errors.New("write down what people were told: other batches were quicker each time")
}

func (n *Notifier) tell(ctx context.Context, messages []Message) error {
	var group errgroup.Group
	group.SetLimit(8)
	failures := make([]error, 2*len(messages))
	for i, message := range messages {
		group.Go(func() error {
			_, failures[2*i] = n.Topics.Publish(ctx, &sns.PublishInput{
				TopicArn: aws.String(n.Settings.MailTopic), Subject: aws.String(message.Subject), Message: aws.String(message.Mail),
			})
			return nil
		})
		group.Go(func() error {
			_, failures[2*i+1] = n.Topics.Publish(ctx, &sns.PublishInput{
				TopicArn: aws.String(n.Settings.ChatTopic), Message: aws.String(string(message.Chat)),
			})
			return nil
		})
	}
	_ = group.Wait()
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("tell people: %w", err)
	}
	return nil
}

// write writes what has changed.
func (n *Notifier) write(ctx context.Context, kept keptLedger, next Ledger) error {
	before, err := json.Marshal(kept.ledger)
	after, nextErr := json.Marshal(next)
	if err := errors.Join(err, nextErr); err != nil || bytes.Equal(before, after) {
		return err
	}
	input := &s3.PutObjectInput{Bucket: &n.Settings.ReportBucket, Key: aws.String(ledgerKey), Body: bytes.NewReader(after), ContentType: aws.String("application/json")}
	if kept.tag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = &kept.tag
	}
	if _, err := n.Storage.PutObject(ctx, input); err != nil {
		return fmt.Errorf("write down what people were told: %w", err)
	}
	return nil
}
