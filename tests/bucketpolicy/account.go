package bucketpolicy

import (
	"net/http"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// AnswerAccount is the endpoint's supplement for S3 Control's
// GetPublicAccessBlock, which the emulator lacks: an account that has none of
// its own, as one is born.
func AnswerAccount(writer http.ResponseWriter, _ *http.Request, _ awscall.Exchange) bool {
	endpoint.WriteQueryError(writer, http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	return true
}
