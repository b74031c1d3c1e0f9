package adversary

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// replaceUserAgent sends another user agent than the SDK's.
func replaceUserAgent(text string) func(*middleware.Stack) error {
	return withHeader("User-Agent", text)
}

// withHeader sends a header.
func withHeader(name, text string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("header "+name, func(
			ctx context.Context, input middleware.FinalizeInput, next middleware.FinalizeHandler,
		) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if request, ok := input.Request.(*smithyhttp.Request); ok {
				request.Header.Set(name, text)
			}
			return next.HandleFinalize(ctx, input)
		}), middleware.After)
	}
}
