package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// workers are the functions that sweep hands things over to, by the settings of
// their queues, and the field that names the things.
var workers = map[string]struct{ function, field string }{
	"ATTACH_POLICIES_QUEUE_URL":       {"attach-policies", "roles"},
	"VALIDATE_CONFIG_QUEUE_URL":       {"validate-config", "objects"},
	"PATCH_TASK_DEFINITION_QUEUE_URL": {"patch-task-definition", "taskDefinitions"},
	"ROTATE_SECRET_QUEUE_URL":         {"rotate-secret", "secrets"},
}

// sinceTheLast is what a report says of the sweep before it.
var sinceTheLast = regexp.MustCompile(`(?ms)^\s*"(since|new)": [^\n]*\n|^\s*"resolved": \[.*?\n\s*\],?\n|; \d+ (new|resolved)[^"]*`)

// Sweep are the scenarios of sweep.
func Sweep() []*Scenario {
	return []*Scenario{{
		Function: "sweep", Name: "everything there is", Unguarded: true,
		Settings: map[string]string{"ANSWER_WAIT": "8s"},
		Lost:     Cut{Call: "sqs:SendMessageBatch", Number: 1},
		// A second sweep also says what is new and resolved since the first.
		Another: sinceTheLast,
		// Without the list of mutes the report comes all the same, mutes nothing, and
		// says why. To sweep again would hand everything over again.
		Excuse: regexp.MustCompile(`(?m)^\s*"muteProblem": "[^"\n]*mute\.json can't be read, [^"\n]*",\n`),
		Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
			if err := world.createSweptThings(ctx); err != nil {
				return nil, nil, err
			}
			if err := world.createSweepPlaces(ctx); err != nil {
				return nil, nil, err
			}
			return &sweeping{}, &sweeping{later: true}, nil
		},
		State: func(ctx context.Context, world *World) ([]string, error) { return world.sweptState(ctx) },
	}}
}

// createSweptThings makes one thing of each kind that has to be looked at, and
// some that need no look.
func (w *World) createSweptThings(ctx context.Context) error {
	for _, role := range []role{
		{base: "ecsInstanceRole-fine", service: "ec2.amazonaws.com", attached: []string{operator.AgentPolicy}},
		{base: "ecsInstanceRole-bare", service: "ec2.amazonaws.com"},
		{base: "web-server", service: "ec2.amazonaws.com"},
	} {
		if err := w.createRole(ctx, role); err != nil {
			return err
		}
	}
	bucket := w.stack.Outputs["ConfigBucket"]
	w.atEnd(func(ctx context.Context) error { return w.deleteObjects(ctx, bucket, w.Mark+"/") })
	if _, err := w.Upload(ctx, bucket, w.Mark+"/ecs.config", goodConfig); err != nil {
		return err
	}
	if _, err := w.createSecret(ctx, "registry", map[string]string{"username": "puller", "password": "x"}, map[string]string{"ecs-guardrails:driver": "htpasswd"}); err != nil {
		return err
	}
	images := []string{"public.ecr.aws/nginx/nginx:1.29"}
	first, err := w.register(ctx, w.Name("storefront"), images, registered{roleless: true})
	if err != nil {
		return err
	}
	if _, err := w.register(ctx, w.Name("storefront"), images, registered{roleless: true}); err != nil {
		return err
	}
	return w.createService(ctx, first)
}

// createSweepPlaces makes a report bucket and queues of the world's own: in those
// of the stack, sweeps would meet.
func (w *World) createSweepPlaces(ctx context.Context) error {
	w.settings = map[string]string{"REPORT_BUCKET": "reports-" + w.Mark}
	if _, err := w.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(w.settings["REPORT_BUCKET"])}); err != nil {
		return fmt.Errorf("creating the report bucket: %w", err)
	}
	w.atEnd(func(ctx context.Context) error {
		if err := w.deleteObjects(ctx, w.settings["REPORT_BUCKET"], ""); err != nil {
			return err
		}
		_, err := w.S3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(w.settings["REPORT_BUCKET"])})
		return err
	})
	names := slices.Sorted(maps.Keys(workers))
	for _, name := range append(names, "SWEEP_QUEUE_URL", "SWEEP_RESULTS_QUEUE_URL") {
		queue := strings.ToLower(strings.TrimSuffix(name, "_QUEUE_URL")) + "-" + w.Mark
		created, err := w.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{
			QueueName: &queue,
			// Answers that a run took before it was cut off are soon there again.
			Attributes: map[string]string{"VisibilityTimeout": "3"},
		})
		if err != nil {
			return fmt.Errorf("creating the queue %s: %w", queue, err)
		}
		w.settings[name] = aws.ToString(created.QueueUrl)
		w.atEnd(func(ctx context.Context) error {
			_, err := w.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl})
			return err
		})
	}
	w.calls.sending = w.answer
	return nil
}

// answer does what the functions do with sweep's messages, as far as sweep sees
// it: what it asked for is answered once for each message, good or bad.
func (w *World) answer(queue, body string) error {
	for name, worker := range workers {
		if !strings.HasSuffix(w.settings[name], "/"+queue) {
			continue
		}
		var message map[string]any
		if err := json.Unmarshal([]byte(body), &message); err != nil {
			return fmt.Errorf("reading a message of sweep's: %w", err)
		}
		reference, _ := message["sweep"].(string)
		things, _ := message[worker.field].([]any)
		report := finding.Report{Function: worker.function, Mode: finding.Enforce}
		for _, thing := range things {
			result := finding.Result{Subject: fmt.Sprint(thing), Status: finding.Compliant, Actions: []finding.Action{}}
			if worker.field == "roles" {
				result.Status = finding.Noncompliant
				result.Findings = []finding.Finding{{Code: "capability-missing", Severity: finding.Error, Message: "told by the test", Fix: "nothing"}}
			}
			report.Results = append(report.Results, result)
		}
		swept, err := publish.SweptResults("ecs-guardrails", report, reference, report.Results)
		if err != nil {
			return fmt.Errorf("answering sweep: %w", err)
		}
		event := fmt.Sprintf(`{"source":"ecs-guardrails","detail-type":%q,"detail":%s}`, swept.Type, swept.Detail)
		if _, err := w.SQS.SendMessage(context.Background(), &sqs.SendMessageInput{
			QueueUrl: aws.String(w.settings["SWEEP_RESULTS_QUEUE_URL"]), MessageBody: &event,
		}); err != nil {
			return fmt.Errorf("answering sweep: %w", err)
		}
	}
	return nil
}

// sweeping is the schedule's event, and then all by which the sweep goes on.
type sweeping struct {
	// later is the next day's: the lock of a sweep that did not come to its end
	// has run out by then.
	later bool
}

func (s *sweeping) deliver(ctx context.Context, world *World) ([]string, error) {
	if s.later {
		if err := world.expireLock(ctx); err != nil {
			return nil, err
		}
		// The report of the day before is not the one to be compared.
		if err := world.deleteObjects(ctx, world.settings["REPORT_BUCKET"], reports); err != nil {
			return nil, err
		}
	}
	event, err := sample("sweep-scheduled.json", "89d1a02d-5ec7-412e-82f5-13505f849b41", uuid.NewString())
	if err != nil {
		return nil, err
	}
	dead, err := Async(event).deliver(ctx, world)
	if err != nil {
		return nil, err
	}
	queue := world.settings["SWEEP_QUEUE_URL"]
	err = stack.Wait(ctx, "sweep's own queue is empty", func(ctx context.Context) (bool, error) {
		received, err := world.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 1})
		if err != nil {
			return false, fmt.Errorf("reading sweep's queue: %w", err)
		}
		for _, message := range received.Messages {
			if _, err := world.SQS.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: message.ReceiptHandle}); err != nil {
				return false, fmt.Errorf("emptying sweep's queue: %w", err)
			}
			left, err := Queue{aws.ToString(message.Body)}.deliver(ctx, world)
			if err != nil {
				return false, err
			}
			dead = append(dead, left...)
		}
		depth, err := world.QueueDepth(ctx, queue)
		return depth == 0, err
	})
	return dead, err
}

const (
	sweepState = "sweep/state.json"
	reports    = "reports/"
)

// expireLock has the time pass for which a sweep keeps others away.
func (w *World) expireLock(ctx context.Context) error {
	bucket := w.settings["REPORT_BUCKET"]
	content, err := w.content(ctx, operator.Object{Bucket: bucket, Key: sweepState})
	if err != nil {
		// It was cut off before it took the lock.
		return nil
	}
	var state map[string]any
	if err := json.Unmarshal([]byte(content), &state); err != nil {
		return fmt.Errorf("reading the sweep's state: %w", err)
	}
	state["expires"] = time.Now().Add(-time.Minute)
	written, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("writing the sweep's state: %w", err)
	}
	_, err = w.Upload(ctx, bucket, sweepState, string(written))
	return err
}

// sweepIDs are what names one sweep, with the day before it in its report's key.
var sweepIDs = regexp.MustCompile(`(\d{4}/\d\d/\d\d/)?\d{8}T\d{6}Z-[0-9a-f]+`)

// sweptState reads what was handed over, and the report.
func (w *World) sweptState(ctx context.Context) ([]string, error) {
	handed := map[string]bool{}
	for _, sent := range w.calls.Sent() {
		queue, body, _ := strings.Cut(sent, " ")
		for name, worker := range workers {
			if !strings.HasSuffix(w.settings[name], "/"+queue) {
				continue
			}
			var message map[string]any
			if err := json.Unmarshal([]byte(body), &message); err != nil {
				return nil, fmt.Errorf("reading a message of sweep's: %w", err)
			}
			things, _ := message[worker.field].([]any)
			for _, thing := range things {
				handed[fmt.Sprintf("%s is asked about %v", worker.function, thing)] = true
			}
		}
	}
	lines := slices.Sorted(maps.Keys(handed))
	bucket := w.settings["REPORT_BUCKET"]
	listed, err := w.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String(reports)})
	if err != nil {
		return nil, fmt.Errorf("listing the reports: %w", err)
	}
	for _, object := range listed.Contents {
		key := aws.ToString(object.Key)
		content, err := w.content(ctx, operator.Object{Bucket: bucket, Key: key})
		if err != nil {
			return nil, err
		}
		w.search("the report", content)
		if !strings.HasSuffix(key, ".json") {
			lines = append(lines, "there is "+sweepIDs.ReplaceAllString(key, "SWEEP"))
			continue
		}
		lines = append(lines, "the report: "+sweepIDs.ReplaceAllString(content, "SWEEP"))
	}
	return append(lines, fmt.Sprintf("a summary was published: %t", slices.Contains(w.calls.Told(), publish.SweepSummaryType))), nil
}
