// Package s3client makes the client of S3, apart from awsclient so that functions
// without one stay small.
package s3client

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// New makes the client. An endpoint for development, as an emulator has, rarely
// resolves a host name for each bucket, so it gets the bucket in the path.
func New(configuration aws.Config) *s3.Client {
	return s3.NewFromConfig(configuration, func(options *s3.Options) {
		options.UsePathStyle = configuration.BaseEndpoint != nil
	})
}
