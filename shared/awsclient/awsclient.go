// Package awsclient makes the configuration that every AWS client shares.
package awsclient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// maxAttempts is the SDK's own retries within one invocation, before Lambda's
// or the queue's: with adaptive back-off of up to 20 s each they must fit into
// a function's time-out of a minute.
const maxAttempts = 6

// Load reads the environment's AWS configuration for a function. Retries are
// adaptive: a throttled API slows all of the process's calls to it down instead
// of being asked again at the same pace. The application id
// "ecs-guardrails-FUNCTION" stands in the user agent of each call, and so in
// CloudTrail.
func Load(ctx context.Context, function string) (aws.Config, error) {
	configuration, err := config.LoadDefaultConfig(ctx,
		config.WithRetryMode(aws.RetryModeAdaptive),
		config.WithRetryMaxAttempts(maxAttempts),
		config.WithAppID("ecs-guardrails-"+function),
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS configuration (credentials, region): %w", err)
	}
	return configuration, nil
}
