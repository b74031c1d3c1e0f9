package configobject

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

type applier struct{ objects ObjectTagger }

// apply writes the tags. Where another upload can have taken the place of what
// was judged, it makes sure that none did: PutObjectTagging has no condition,
// so the newer object may now carry the older one's verdict. The error has the
// event delivered again, and what is there then judged.
func (a applier) apply(ctx context.Context, action Action) error {
	object := action.Object
	set := make([]types.Tag, len(action.Tags))
	for i, tag := range action.Tags {
		set[i] = types.Tag{Key: aws.String(tag.Key), Value: aws.String(tag.Value)}
	}
	if _, err := a.objects.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
		Tagging: &types.Tagging{TagSet: set},
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
