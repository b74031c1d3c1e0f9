package configobject_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

// account is a bucket, clusters and a bus whose every call takes a second, so
// that what an upload takes says how many calls waited for one another.
type account struct {
	*bucket
	of *clusters
}

func newAccount(b *bucket) *account {
	b.before = func(string, string) error {
		time.Sleep(time.Second)
		return nil
	}
	return &account{bucket: b, of: &clusters{status: map[string]string{"us-east-1/prod": "ACTIVE"}}}
}

func (a *account) DescribeClusters(ctx context.Context, in *ecs.DescribeClustersInput, change ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	_ = a.look("DescribeClusters")
	return a.of.DescribeClusters(ctx, in, change...)
}

func (a *account) PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	return &eventbridge.PutEventsOutput{}, a.look("PutEvents")
}

// upload handles and publishes one, and gives the calls that it cost and how
// deep they were.
func (a *account) upload(t *testing.T, function *warm, id string) (calls []string, depth int) {
	t.Helper()
	before, began := len(a.calls), time.Now()
	report := handleBy(t, function, uploaded("ecs.config", id))
	events, err := publish.Findings("acme", report)
	if err := errors.Join(err, publish.Put(t.Context(), a, "default", events)); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(slices.Values(a.calls[before:])), int(time.Since(began) / time.Second)
}

// One upload costs a warm function four calls at most in a bucket as the
// template makes it, where nothing is restored.
func TestCallsOfAnUpload(t *testing.T) {
	const (
		good, bad = "ECS_CLUSTER=prod\n", "ECS_CLUSTER=prod\nECS_CLUSTER_=prod\nECS_ENGINE_AUTH_TYPE=dokcer\n"
		read      = "GetObject GetObjectTagging "
	)
	tests := map[string]struct {
		bucket    *bucket
		onInvalid configobject.OnInvalid
		cold      bool
		content   string
		calls     string
		depth     int
	}{
		"good":           {bucket: &bucket{versioning: true}, content: good, calls: read + "PutObjectTagging", depth: 2},
		"good, restores": {bucket: &bucket{versioning: true}, onInvalid: configobject.Restore, content: good, calls: read + "PutObjectTagging", depth: 2},
		"bad":            {bucket: &bucket{versioning: true}, content: bad, calls: read + "PutEvents PutObjectTagging", depth: 3},
		"bad, restores": {
			bucket: &bucket{versioning: true}, onInvalid: configobject.Restore, content: bad,
			calls: "GetObject GetObject GetObjectTagging GetObjectTagging ListObjectVersions PutEvents PutObject PutObjectTagging", depth: 7,
		},
		"good, cold": {
			bucket: &bucket{versioning: true}, cold: true, content: good,
			calls: "DescribeClusters GetAccountAuthorizationDetails GetBucketAcl GetBucketEncryption GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketVersioning GetCallerIdentity " +
				read + "GetPublicAccessBlock PutObjectTagging", depth: 3,
		},
		"good, cold, with a role that reads": {
			bucket: &bucket{versioning: true, readers: map[string]string{"fleet": ""}}, cold: true, content: good,
			calls: "DescribeClusters GetAccountAuthorizationDetails GetBucketAcl GetBucketEncryption GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketVersioning GetCallerIdentity " +
				read + "GetPublicAccessBlock PutObjectTagging SimulatePrincipalPolicy", depth: 4,
		},
		"good, with a role that reads": {bucket: &bucket{versioning: true, readers: map[string]string{"fleet": ""}}, content: good, calls: read + "PutObjectTagging", depth: 2},
		"good, without versions":       {bucket: &bucket{}, content: good, calls: read + "HeadObject PutObjectTagging", depth: 3},
		"bad, without versions":        {bucket: &bucket{}, content: bad, calls: read + "HeadObject PutEvents PutObjectTagging", depth: 4},
		"good, ACLs count":             {bucket: &bucket{versioning: true, unblocked: true}, content: good, calls: "GetObject GetObjectAcl GetObjectTagging PutEvents PutObjectTagging", depth: 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(test.bucket)
				settings := withMode(finding.Enforce)
				if settings.OnInvalid = configobject.Report; test.onInvalid != "" {
					settings.OnInvalid = test.onInvalid
				}
				function := configobject.New(settings, configobject.Clients{Storage: a, Clusters: a, Roles: a, Account: wholeAccount{a.bucket}, Identity: a, Region: "us-east-1"}, time.Now)
				if !test.cold {
					a.upload(t, function, a.put("ecs.config", "ECS_CLUSTER=prod\nECS_LOGLEVEL=info\n", nil))
				}
				id := a.put("ecs.config", test.content, nil)
				calls, depth := a.upload(t, function, id)
				if got := strings.Join(calls, " "); got != test.calls || depth != test.depth {
					t.Errorf("%d calls, %d deep: %s, want %d, %d deep: %s", len(calls), depth, got, len(strings.Fields(test.calls)), test.depth, test.calls)
				}
				// What is delivered twice is read again, and not written.
				if test.content == good && !test.bucket.unblocked {
					if calls, depth := a.upload(t, function, id); strings.Join(calls, " ") != strings.TrimSpace(read) || depth != 1 {
						t.Errorf("the second delivery: %q, %d deep", calls, depth)
					}
				}
			})
		})
	}
}
