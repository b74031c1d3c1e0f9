package configbucket

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// NewAccountClient makes S3 Control's client. AWS has a host for each account;
// one's own endpoint, as an emulator has, is one host for all.
func NewAccountClient(configuration aws.Config) *s3control.Client {
	return s3control.NewFromConfig(configuration, func(options *s3control.Options) {
		if options.BaseEndpoint != nil {
			options.EndpointResolverV2 = oneHost(*options.BaseEndpoint)
		}
	})
}

type oneHost string

func (o oneHost) ResolveEndpoint(context.Context, s3control.EndpointParameters) (smithyendpoints.Endpoint, error) {
	address, err := url.Parse(string(o))
	if err != nil {
		return smithyendpoints.Endpoint{}, fmt.Errorf("read the endpoint of S3 Control: %w", err)
	}
	return smithyendpoints.Endpoint{URI: *address}, nil
}
