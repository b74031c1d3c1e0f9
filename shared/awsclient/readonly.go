package awsclient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithymiddleware "github.com/aws/smithy-go/middleware"
)

// Refused is an operation that a read-only client does not send.
type Refused struct{ Service, Operation string }

func (r *Refused) Error() string {
	return fmt.Sprintf("%s:%s is not sent: the client may only read", r.Service, r.Operation)
}

// ReadOnly gives a configuration whose clients send only the operations that
// allowed reports; any other fails with a *Refused before anything leaves the
// process. Service is the SDK's service id ("Secrets Manager"), operation the
// API's ("GetSecretValue").
func ReadOnly(configuration aws.Config, allowed func(service, operation string) bool) aws.Config {
	guarded := configuration.Copy()
	guarded.APIOptions = append(append([]func(*smithymiddleware.Stack) error{}, configuration.APIOptions...), func(stack *smithymiddleware.Stack) error {
		// Before serialization the operation is known, and nothing was sent yet.
		return stack.Serialize.Add(smithymiddleware.SerializeMiddlewareFunc("ReadOnly", func(
			ctx context.Context, in smithymiddleware.SerializeInput, next smithymiddleware.SerializeHandler,
		) (smithymiddleware.SerializeOutput, smithymiddleware.Metadata, error) {
			service, operation := middleware.GetServiceID(ctx), middleware.GetOperationName(ctx)
			if !allowed(service, operation) {
				return smithymiddleware.SerializeOutput{}, smithymiddleware.Metadata{}, &Refused{service, operation}
			}
			return next.HandleSerialize(ctx, in)
		}), smithymiddleware.Before)
	})
	return guarded
}
