package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"golang.org/x/sync/errgroup"

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
	// ReportBucket has the findings that are muted (mute.Key); "" mutes nothing.
	ReportBucket string `env:"REPORT_BUCKET"`
}

// Publisher is the part of SNS's client that telling people needs.
type Publisher interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Notifier tells people what the events of one batch say.
type Notifier struct {
	Settings Settings
	Topics   Publisher
	Storage  mute.ObjectGetter
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
				if of, err := Read(notification); err == nil {
					events = append(events, of)
				}
			}
		}
	}
	var mutes mute.List
	if slices.ContainsFunc(events, func(of Event) bool { return of.Sweep == nil }) {
		mutes = mute.Read(ctx, n.Storage, n.Settings.ReportBucket)
	}
	messages, err := Messages(events, mutes, n.Now())
	if err == nil {
		err = n.tell(ctx, messages)
	}
	if err != nil {
		// Whatever the error, the messages go back and, in the end, to the
		// dead-letter queue, whose alarm needs no function. So its class is dropped.
		entry := pipeline.Attempt(Name, "digest", func() (finding.Result, error) { return finding.Result{}, errors.New(err.Error()) })
		outcome.Entries = append(outcome.Entries, entry.AskedBy(delivery.Messages...))
	}
	return outcome
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
