//go:build lambda.norpc

package awsclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// load reads the variables that Lambda sets ("Defined runtime environment
// variables", Lambda developer guide). The sources of credentials that only
// exist elsewhere bring four more AWS clients with them, a tenth of a function's
// size. lambda.norpc is aws-lambda-go's own tag for a program that Lambda's
// provided runtimes start.
func load(context.Context) (aws.Config, error) {
	environment, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS configuration from the environment: %w", err)
	}
	if !environment.Credentials.HasKeys() {
		return aws.Config{}, errors.New("read the AWS configuration: this program is built for Lambda and takes credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only, which are not set; " +
			`set them (aws configure export-credentials --format env), or build it without the tag lambda.norpc to use profiles and single sign-on`)
	}
	configuration := aws.Config{
		Region:        environment.Region,
		Credentials:   credentials.StaticCredentialsProvider{Value: environment.Credentials},
		ConfigSources: []any{environment},
	}
	if environment.BaseEndpoint != "" {
		configuration.BaseEndpoint = aws.String(environment.BaseEndpoint)
	}
	return configuration, nil
}
