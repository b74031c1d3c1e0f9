package configobject

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

type applier struct{ objects ObjectWriter }

func (a applier) apply(ctx context.Context, action Action) error {
	if action.Restore != nil {
		return a.restore(ctx, action)
	}
	return a.tag(ctx, action)
}

// tag writes the tags. Where another upload can have taken the place of what
// was judged, it makes sure that none did: PutObjectTagging has no condition,
// so the newer object may now carry the older one's verdict. The error has the
// event delivered again, and what is there then judged.
func (a applier) tag(ctx context.Context, action Action) error {
	object := action.Object
	if _, err := a.objects.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
		Tagging: &types.Tagging{TagSet: tagSet(action.Tags)},
	}); err != nil {
		return fmt.Errorf("tag %s: %w", object, err)
	}
	if !object.replaceable() {
		return nil
	}
	now, err := a.objects.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
	})
	if err != nil {
		return fmt.Errorf("see whether %s was replaced meanwhile: %w", object, err)
	}
	if aws.ToString(now.ETag) != action.ETag {
		return fmt.Errorf("%s was replaced while it was judged; what is there now has to be judged", object)
	}
	return nil
}

// restore stores the good version again, if what is on top still is what was
// judged: a newer upload fails the condition, and the next delivery then finds
// nothing to restore. Content and tags are in one call, so that the event of
// this write finds its tags, and nothing to do.
func (a applier) restore(ctx context.Context, action Action) error {
	object, good := action.Object, action.Restore
	input := good.Properties
	input.Bucket, input.Key = aws.String(object.Bucket), aws.String(object.Key)
	input.Body = strings.NewReader(good.Content.Reveal())
	input.Tagging = aws.String(storedfile.TagHeader(tagSet(good.Tags)))
	input.IfMatch = aws.String(action.ETag)
	if _, err := a.objects.PutObject(ctx, &input); err != nil {
		return fmt.Errorf("put version %s of %s back on top: %w", good.ID, object.address(), err)
	}
	return nil
}

// tagSet gives tags in S3's own type.
func tagSet(tags []Tag) []types.Tag {
	set := make([]types.Tag, len(tags))
	for i, tag := range tags {
		set[i] = types.Tag{Key: aws.String(tag.Key), Value: aws.String(tag.Value)}
	}
	return set
}
