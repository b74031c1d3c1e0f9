package release

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
)

// Region asks for that of a bucket: Lambda takes packages from its own only.
func Region(ctx context.Context, client *s3.Client, bucket string) (string, error) {
	head, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err != nil {
		return "", fmt.Errorf("looking at bucket %s (it must exist, in the region of AWS_REGION, and the shell's credentials must reach it): %w", bucket, err)
	}
	return aws.ToString(head.BucketRegion), nil
}

// Upload puts the packages, the template and what it names below the release's
// prefix of a bucket. The template is the last, so that it never names what isn't
// there. S3 checks each object against its SHA-256 digest.
func Upload(ctx context.Context, client *s3.Client, out, bucket, version string, names []string) error {
	const template = "template.yaml"
	var wanted []string
	for _, name := range names {
		if strings.HasPrefix(name, "functions/") || name == documents[0] || name == documents[1] {
			wanted = append(wanted, name)
		}
	}
	for _, name := range append(wanted, template) {
		file, err := os.Open(filepath.Join(out, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		_, err = client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String(Prefix(version) + "/" + name), Body: file, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		})
		_ = file.Close()
		if err != nil {
			return fmt.Errorf("uploading %s to %s: %w", name, bucket, err)
		}
	}
	return nil
}

// Deploy gives a command that deploys what was uploaded, and the address of
// CloudFormation's page that does the same, "" where the region has none. The
// template is larger than CloudFormation takes in a call.
func Deploy(ctx context.Context, template, bucket, region, version string) (command, address string, err error) {
	command = fmt.Sprintf("aws cloudformation deploy --region %s --template-file %s --s3-bucket %s --s3-prefix %s --stack-name ecs-guardrails --capabilities CAPABILITY_IAM",
		region, template, bucket, Prefix(version))
	endpoint, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{Bucket: &bucket, Region: &region})
	if err != nil {
		return "", "", fmt.Errorf("naming the template's address: %w", err)
	}
	page := console.Base(region)
	if page == "" {
		return command, "", nil
	}
	uploaded := strings.TrimSuffix(endpoint.URI.String(), "/") + "/" + Prefix(version) + "/template.yaml"
	return command, page + "/cloudformation/home?region=" + region + "#/stacks/quickcreate?templateURL=" + url.QueryEscape(uploaded) + "&stackName=ecs-guardrails", nil
}
