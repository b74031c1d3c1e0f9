// Empty is the smallest function that aws-lambda-go can serve: the yardstick
// for cold starts.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "ok", nil })
}
