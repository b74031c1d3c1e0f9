//go:build lambda.norpc

package awsclient_test

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
)

func TestWithoutCredentialsTheCureIsNamed(t *testing.T) {
	inLambda(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	if _, err := awsclient.Load(t.Context(), "sweep"); err == nil || !strings.Contains(err.Error(), "without the tag lambda.norpc") {
		t.Errorf("got %v", err)
	}
}
