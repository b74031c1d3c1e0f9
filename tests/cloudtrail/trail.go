package cloudtrail

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
)

// LogManagementEvents gives the account a trail that logs management events:
// without one, CloudTrail hands nothing to EventBridge, and what this package
// does would not happen.
func LogManagementEvents(ctx context.Context, client *cloudtrail.Client) error {
	created, err := client.CreateTrail(ctx, &cloudtrail.CreateTrailInput{
		Name: aws.String("management-events"), S3BucketName: aws.String("management-events"), IsMultiRegionTrail: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("creating a trail: %w", err)
	}
	if _, err := client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: created.TrailARN}); err != nil {
		return fmt.Errorf("starting the trail: %w", err)
	}
	return nil
}
