package endtoend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

const goodConfig = "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"

// badConfig has a credential in a shape that its type cannot have.
func badConfig(password string) string {
	auth := base64.StdEncoding.EncodeToString([]byte("puller:" + password))
	return "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\n" +
		`ECS_ENGINE_AUTH_DATA={"registry.example.com":{"auth":"` + auth + `"}}` + "\n"
}

// verdict waits for the tag of a version and returns all of its tags.
func (w *world) verdict(t *testing.T, object operator.Object) map[string]string {
	t.Helper()
	var tags map[string]string
	eventually(t, object.String()+" is tagged", func(ctx context.Context) (bool, error) {
		var err error
		tags, err = w.ObjectTags(ctx, object)
		return tags["ecs-config-status"] != "", err
	})
	return tags
}

func ofObject(object operator.Object) func(operator.Result) bool {
	return func(result operator.Result) bool {
		return result.Function == "validate-config" && result.Subject == object.String()
	}
}

func testValidateConfig(t *testing.T, w *world) {
	bucket := w.Stack.Outputs["ConfigBucket"]
	const existing = existingBucket
	var passwords []string
	for _, what := range []string{"bad", "key with plus", "existing bucket", "two versions"} {
		password := canary.Text()
		w.canaries.Plant("the password in the ecs.config of "+what, password)
		passwords = append(passwords, password)
	}
	for name, test := range map[string]struct {
		bucket, key, content string
		tags                 []string
		want                 string
		code                 string
	}{
		"good":                       {bucket, "good/ecs.config", goodConfig, nil, "valid", ""},
		"bad":                        {bucket, "bad/ecs.config", badConfig(passwords[0]), []string{"team", "shop"}, "invalid", "auth-data-shape"},
		"no folder":                  {bucket, "ecs.config", goodConfig, nil, "valid", ""},
		"key with spaces":            {bucket, "blue green/a b/ecs.config", goodConfig, nil, "valid", ""},
		"key with plus":              {bucket, "blue+green/ecs.config", badConfig(passwords[1]), nil, "invalid", "auth-data-shape"},
		"key with percent":           {bucket, "100%25/ecs.config", goodConfig, nil, "valid", ""},
		"key with Unicode":           {bucket, "größe/集群/🚀/ecs.config", goodConfig, nil, "valid", ""},
		"misspelt":                   {bucket, "misspelt/ecs.config", "ECS_CLUSTR=storefront\n", nil, "", "variable-misspelt"},
		"empty":                      {bucket, "empty/ecs.config", "", nil, "", ""},
		"not text":                   {bucket, "binary/ecs.config", "\x00\x01\xff\xfe\n\x1f\x8b", nil, "", ""},
		"existing bucket, good":      {existing, "good/ecs.config", goodConfig, nil, "valid", ""},
		"existing bucket, bad":       {existing, "a b+c/ecs.config", badConfig(passwords[2]), []string{"team", "shop"}, "invalid", "auth-data-shape"},
		"environment file":           {bucket, "app/prod.env", "STAGE=prod\n", nil, "valid", ""},
		"existing, environment file": {existing, "app/prod.env", "STAGE=prod\n", nil, "valid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := must(w.Upload(t.Context(), test.bucket, test.key, test.content, test.tags...))(t)
			tags := w.verdict(t, object)
			if test.want != "" && tags["ecs-config-status"] != test.want {
				t.Errorf("tagged %q, want ecs-config-status=%s", tags, test.want)
			}
			for pair := range slices.Chunk(test.tags, 2) {
				if tags[pair[0]] != pair[1] {
					t.Errorf("the tag %s=%s of the upload is gone: %q", pair[0], pair[1], tags)
				}
			}
			if test.code != "" && !strings.Contains(tags["ecs-config-findings"], test.code) {
				t.Errorf("the findings' tag %q does not name %s", tags["ecs-config-findings"], test.code)
			}
			logged := w.logged(t, "validate-config", test.key, ofObject(object))
			if logged.Newsworthy() {
				told := w.published(t, test.key, ofObject(object))
				if told.Status != logged.Status || !slices.Equal(told.Codes(), logged.Codes()) {
					t.Errorf("published %s %q, logged %s %q", told.Status, told.Codes(), logged.Status, logged.Codes())
				}
			}
			if test.want == "valid" && test.bucket == bucket && logged.Status != finding.Compliant {
				t.Errorf("a good file in the stack's bucket is %s: %q", logged.Status, logged.Codes())
			}
			if logged.Status == finding.Compliant {
				for _, told := range must(w.bus.Results(t.Context()))(t) {
					if ofObject(object)(told) {
						t.Errorf("published although nothing is wrong: %+v", told)
					}
				}
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		other := must(w.Upload(t.Context(), bucket, "other/ecs.config.backup", "ECS_CLUSTR=x\n"))(t)
		after := must(w.Upload(t.Context(), bucket, "after/ecs.config", goodConfig))(t)
		w.verdict(t, after)
		if tags := must(w.ObjectTags(t.Context(), other))(t); len(tags) > 0 {
			t.Errorf("%s was tagged %q", other, tags)
		}
	})
	t.Run("two versions of one key", func(t *testing.T) {
		t.Parallel()
		bad := must(w.Upload(t.Context(), bucket, "twice/ecs.config", badConfig(passwords[3])))(t)
		good := must(w.Upload(t.Context(), bucket, "twice/ecs.config", goodConfig))(t)
		if tags := w.verdict(t, bad); tags["ecs-config-status"] != "invalid" {
			t.Errorf("the bad version is tagged %q", tags)
		}
		if tags := w.verdict(t, good); tags["ecs-config-status"] != "valid" {
			t.Errorf("the good version is tagged %q", tags)
		}
	})
	t.Run("an event of EventBridge names the version", func(t *testing.T) {
		t.Parallel()
		testVersionOfEvent(t, w, bucket)
	})
}

// openExistingBucket has access control lists count in the bucket of the
// parameter ConfigBuckets, as in buckets of before 2023. It keeps no versions,
// and sends no events for uploads yet.
func (w *world) openExistingBucket(t *testing.T) {
	t.Helper()
	must(w.S3.PutBucketOwnershipControls(t.Context(), &s3.PutBucketOwnershipControlsInput{
		Bucket: aws.String(existingBucket), OwnershipControls: &s3types.OwnershipControls{
			Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: s3types.ObjectOwnershipObjectWriter}},
		},
	}))(t)
}

// notifyEventBridge has the bucket send its events to EventBridge.
func (w *world) notifyEventBridge(t *testing.T, bucket string) {
	t.Helper()
	must(w.S3.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(bucket), NotificationConfiguration: &s3types.NotificationConfiguration{EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}},
	}))(t)
}

// testVersionOfEvent has the function judge a version that is not on top any
// more. The emulator's own events to EventBridge name no version, so this one is
// sent by hand, in the shape of "EventBridge" under "Event notification types
// and destinations" in the S3 user guide.
func testVersionOfEvent(t *testing.T, w *world, bucket string) {
	const key = "of event/ecs.config"
	older := must(w.Upload(t.Context(), bucket, key, "ECS_CLUSTR=storefront\n"))(t)
	newer := must(w.Upload(t.Context(), bucket, key, goodConfig))(t)
	want := w.verdict(t, older)
	w.verdict(t, newer)
	must(w.S3.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: &older.Bucket, Key: &older.Key, VersionId: &older.Version}))(t)
	event := must(json.Marshal(map[string]any{
		"version": "0", "source": "aws.s3", "detail-type": "Object Created", "account": stack.Account, "region": stack.Region,
		"detail": map[string]any{
			"version": "0", "bucket": map[string]any{"name": bucket}, "reason": "PutObject",
			"object": map[string]any{"key": key, "version-id": older.Version},
		},
	}))(t)
	invoked := must(w.Invoke(t.Context(), "validate-config", event))(t)
	if results := invoked.Report.Results; len(results) != 1 || results[0].Subject != older.String() {
		t.Errorf("asked for %s, and got %+v", older, results)
	}
	if tags := must(w.ObjectTags(t.Context(), older))(t); !maps.Equal(tags, want) {
		t.Errorf("the version of the event is tagged %q, want %q", tags, want)
	}
}
