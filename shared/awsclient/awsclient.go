// Package awsclient makes the configuration that every AWS client shares.
package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
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
//
// A program that is built for Lambda finds its region, credentials and
// endpoints in environment variables only; any other has the whole chain of the
// AWS command line: profiles, single sign-on, assumed roles, an instance's role.
func Load(ctx context.Context, function string) (aws.Config, error) {
	configuration, err := load(ctx)
	if err != nil {
		return aws.Config{}, err
	}
	configuration.RetryMode, configuration.RetryMaxAttempts = aws.RetryModeAdaptive, maxAttempts
	configuration.AppID = "ecs-guardrails-" + function
	return configuration, nil
}
