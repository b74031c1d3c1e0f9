//go:build !lambda.norpc

package awsclient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

func load(ctx context.Context) (aws.Config, error) {
	configuration, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS configuration (credentials, region): %w", err)
	}
	return configuration, nil
}
