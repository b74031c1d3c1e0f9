package adversary

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// replaceUserAgent sends another user agent than the SDK's.
func replaceUserAgent(text string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("replaceUserAgent", func(
			ctx context.Context, input middleware.FinalizeInput, next middleware.FinalizeHandler,
		) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if request, ok := input.Request.(*smithyhttp.Request); ok {
				request.Header.Set("User-Agent", text)
			}
			return next.HandleFinalize(ctx, input)
		}), middleware.After)
	}
}
