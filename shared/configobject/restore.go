package configobject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// maxCandidates bounds how many earlier versions are read in search of a good
// one.
const maxCandidates = 20

// history is what came before an invalid version.
type history struct {
	// OnTop reports whether the invalid version is what instances read now.
	OnTop bool
	// Good is the newest earlier version that is not invalid, nil where there is
	// none among the last maxCandidates since the object was last deleted.
	Good *GoodVersion
}

// history lists the versions of an object, newest first, and reads the earlier
// ones until one is good. Nothing from before a deletion counts: who deleted the
// file did not want it back.
func (o observer) history(ctx context.Context, object Object) (history, error) {
	versions, deleted, onTop, err := o.list(ctx, object)
	if err != nil || !onTop {
		return history{}, err
	}
	for _, earlier := range versions {
		if !deleted.IsZero() && !aws.ToTime(earlier.LastModified).After(deleted) {
			break
		}
		candidate := object
		candidate.VersionID = aws.ToString(earlier.VersionId)
		good, err := o.candidate(ctx, candidate)
		if err != nil {
			return history{}, err
		}
		if good != nil {
			return history{OnTop: true, Good: good}, nil
		}
	}
	return history{OnTop: true}, nil
}

// list gives the versions before the object's, newest first, when the object was
// last deleted before it was written, and whether it is on top. S3 lists keys in
// order and the versions of a key from the newest on, but the SDK parts delete
// markers from versions, so that only their times tell what came first.
func (o observer) list(ctx context.Context, object Object) (earlier []types.ObjectVersion, deleted time.Time, onTop bool, err error) {
	input := &s3.ListObjectVersionsInput{Bucket: aws.String(object.Bucket), Prefix: aws.String(object.Key), MaxKeys: aws.Int32(100)}
	for {
		output, err := o.Storage.ListObjectVersions(ctx, input)
		if err != nil {
			return nil, time.Time{}, false, fmt.Errorf("list the versions of %s: %w", object, err)
		}
		for _, marker := range output.DeleteMarkers {
			if aws.ToString(marker.Key) == object.Key && aws.ToTime(marker.LastModified).After(deleted) {
				deleted = aws.ToTime(marker.LastModified)
			}
		}
		for _, version := range output.Versions {
			switch {
			case aws.ToString(version.Key) != object.Key:
			case aws.ToString(version.VersionId) == object.VersionID:
				onTop = aws.ToBool(version.IsLatest)
			case onTop:
				earlier = append(earlier, version)
			}
		}
		otherKey := aws.ToString(output.NextKeyMarker) != object.Key
		if !aws.ToBool(output.IsTruncated) || otherKey || !onTop || len(earlier) >= maxCandidates {
			return earlier[:min(len(earlier), maxCandidates)], deleted, onTop, nil
		}
		input.KeyMarker, input.VersionIdMarker = output.NextKeyMarker, output.NextVersionIdMarker
	}
}

// candidate reads an earlier version, and gives nil for one that is invalid or
// cannot be read.
func (o observer) candidate(ctx context.Context, object Object) (*GoodVersion, error) {
	read, err := o.read(ctx, object)
	if err != nil {
		_, refused := errors.AsType[*finding.Refusal](err)
		if kind := awserror.Classify(err); refused || kind != awserror.Transient {
			return nil, nil
		}
		return nil, err
	}
	judgement := o.judge(object, read)
	if verdict(judgement.Findings) == Invalid {
		return nil, nil
	}
	there, err := o.tags(ctx, object)
	if err != nil {
		return nil, err
	}
	tags, _ := merge(there.tags, append(verdictTags(judgement.Findings), Tag{TagRestoredFrom, object.VersionID}))
	return &GoodVersion{ID: object.VersionID, Content: secret.New(string(read.content)), Tags: tags, Properties: read.properties}, nil
}

// isRestored reports whether a version was put on top by this function.
func isRestored(tags []Tag) bool {
	return slices.ContainsFunc(tags, func(tag Tag) bool { return tag.Key == TagRestoredFrom })
}
