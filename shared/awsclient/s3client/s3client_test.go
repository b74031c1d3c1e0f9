package s3client_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
)

func TestBucketsAreInThePathOfADevelopmentEndpointOnly(t *testing.T) {
	for endpoint, pathStyle := range map[string]bool{"": false, "http://127.0.0.1:4566": true} {
		configuration := aws.Config{Region: "eu-central-1"}
		if endpoint != "" {
			configuration.BaseEndpoint = aws.String(endpoint)
		}
		if got := s3client.New(configuration).Options().UsePathStyle; got != pathStyle {
			t.Errorf("endpoint %q: path style %t", endpoint, got)
		}
	}
}
