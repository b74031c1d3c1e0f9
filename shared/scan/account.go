package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

// account is one region of an account, as a shell sees it.
type account struct {
	options  Options
	settings sweep.Settings
	clients  sweep.Clients
	buckets  *s3.Client
	tasks    *ecs.Client
	identity *sts.Client
	region   string
	now      func() time.Time
	judges   map[sweep.Kind]judge
}

func (a *account) id(ctx context.Context) (string, error) {
	answer, err := a.identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("ask whose credentials these are: %w; set AWS_PROFILE, or sign in with \"aws sso login\"", err)
	}
	return aws.ToString(answer.Account), nil
}

// listing is what there is of a kind.
type listing struct {
	names           []string
	listed, settled int
	findings        []finding.Finding
}

// Bounds of what is listed of one bucket, in pages of a thousand keys, of how many
// buckets are listed at once, and of how many stopped tasks are looked at.
const (
	maxPages          = 20
	bucketsSideBySide = 8
	maxStoppedTasks   = 500
)

// list lists one kind. What can't be listed is a finding.
func (a *account) list(ctx context.Context, kind sweep.Kind) listing {
	var found listing
	var err error
	switch kind {
	case sweep.ConfigObjects:
		found, err = a.listObjects(ctx)
	case Tasks:
		found, err = a.listTasks(ctx)
	default:
		var observed sweep.Observation
		observed, found.findings, err = sweep.List(ctx, a.settings, a.clients, a.now, kind)
		found.names, found.listed, found.settled = observed.Names, observed.Listed, observed.Settled
	}
	if err != nil {
		return listing{findings: []finding.Finding{kindUnlisted.With(finding.Words("kind", string(kind)), reason(err))}}
	}
	found.names = slices.DeleteFunc(found.names, func(name string) bool {
		switch kind {
		case sweep.Roles:
			return !matches(a.options.Roles, name)
		case sweep.TaskDefinitions:
			family, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
			return !matches(a.options.Families, family)
		}
		return false
	})
	return found
}

// reason names an AWS error by operation and code; other errors speak for themselves.
func reason(err error) finding.Value {
	if code := awserror.Code(err); code != "" {
		return finding.Clause("reason", fmt.Sprintf("%s answers %s", awserror.Operation(err), code))
	}
	return finding.Clause("reason", err.Error())
}

// listObjects finds config files in the buckets that are named, or in all of the
// region's.
func (a *account) listObjects(ctx context.Context) (found listing, err error) {
	buckets := a.options.Buckets
	if len(buckets) == 0 {
		pages := s3.NewListBucketsPaginator(a.buckets, &s3.ListBucketsInput{BucketRegion: aws.String(a.region)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return listing{}, err
			}
			for _, bucket := range page.Buckets {
				buckets = append(buckets, aws.ToString(bucket.Name))
			}
		}
	}
	parts, failures := make([]listing, len(buckets)), make([]error, len(buckets))
	var group errgroup.Group
	group.SetLimit(bucketsSideBySide)
	for i, bucket := range buckets {
		group.Go(func() error {
			parts[i], failures[i] = a.listBucket(ctx, bucket)
			return nil
		})
	}
	_ = group.Wait()
	for i, part := range parts {
		found.names, found.listed = append(found.names, part.names...), found.listed+part.listed
		found.findings = append(found.findings, part.findings...)
		if errors.Is(failures[i], context.Canceled) {
			return found, failures[i]
		}
		// A bucket of somebody else's is no fault of the account.
		if failures[i] != nil && len(a.options.Buckets) > 0 {
			found.findings = append(found.findings, bucketUnlisted.With(finding.Name("bucket", buckets[i]), reason(failures[i])))
		}
	}
	return found, nil
}

// listBucket finds the config files of a bucket. Beside an error, it gives those of
// the pages before.
func (a *account) listBucket(ctx context.Context, bucket string) (found listing, err error) {
	pages := s3.NewListObjectsV2Paginator(a.buckets, &s3.ListObjectsV2Input{Bucket: &bucket, EncodingType: "url"})
	for number := 0; pages.HasMorePages(); number++ {
		if number == maxPages && len(a.options.Buckets) == 0 {
			found.findings = append(found.findings, bucketLarge.With(
				finding.Words("count", fmt.Sprintf("%d,000 objects", maxPages)), finding.Name("bucket", bucket), finding.Argument("argument", bucket)))
			return found, nil
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, err
		}
		for _, object := range page.Contents {
			key, err := decodedKey(aws.ToString(object.Key))
			if err != nil || a.settings.Kind(key) == 0 {
				continue
			}
			found.listed++
			found.names = append(found.names, "s3://"+bucket+"/"+key)
		}
	}
	return found, nil
}

// listTasks finds the tasks that stopped lately: ECS describes them for an hour
// (API ListTasks, desiredStatus).
func (a *account) listTasks(ctx context.Context) (found listing, err error) {
	clusters := ecs.NewListClustersPaginator(a.tasks, &ecs.ListClustersInput{})
	for clusters.HasMorePages() {
		page, err := clusters.NextPage(ctx)
		if err != nil {
			return listing{}, err
		}
		for _, cluster := range page.ClusterArns {
			tasks := ecs.NewListTasksPaginator(a.tasks, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: ecstypes.DesiredStatusStopped})
			for tasks.HasMorePages() && found.listed < maxStoppedTasks {
				page, err := tasks.NextPage(ctx)
				if err != nil {
					return listing{}, err
				}
				found.listed += len(page.TaskArns)
				found.names = append(found.names, page.TaskArns...)
			}
		}
	}
	return found, nil
}
