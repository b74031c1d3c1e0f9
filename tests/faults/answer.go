package faults

import (
	"fmt"
	"net/http"

	"github.com/ecs-guardrails/ecs-guardrails/tests/authorization"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// failure is an error of a service's own.
type failure struct {
	status int
	code   string
}

// throttling and serverErrors are what the services answer ("Common errors" and
// "Errors" of the operations in each API reference); "" stands for all others.
var (
	throttling = map[string]failure{
		"iam": {http.StatusBadRequest, "Throttling"},
		"sts": {http.StatusBadRequest, "Throttling"},
		"ec2": {http.StatusServiceUnavailable, "RequestLimitExceeded"},
		"s3":  {http.StatusServiceUnavailable, "SlowDown"},
		"sqs": {http.StatusBadRequest, "RequestThrottled"},
		"":    {http.StatusBadRequest, "ThrottlingException"},
	}
	serverErrors = map[string]failure{
		"iam":            {http.StatusInternalServerError, "ServiceFailure"},
		"sts":            {http.StatusInternalServerError, "InternalFailure"},
		"ec2":            {http.StatusInternalServerError, "InternalError"},
		"s3":             {http.StatusInternalServerError, "InternalError"},
		"ecs":            {http.StatusInternalServerError, "ServerException"},
		"secretsmanager": {http.StatusInternalServerError, "InternalServiceError"},
		"":               {http.StatusInternalServerError, "InternalFailure"},
	}
)

// fail answers a call with a fault in the shape that its service has.
func fail(writer http.ResponseWriter, exchange awscall.Exchange, fault Fault) {
	if fault == Denied {
		authorization.Refuse(writer, exchange, "User: somebody is not authorized to perform: "+exchange.Call.Name())
		return
	}
	known := throttling
	if fault == ServerError {
		known = serverErrors
	}
	answer, ok := known[exchange.Call.Service]
	if !ok {
		answer = known[""]
	}
	message := "injected by the test"
	switch {
	case exchange.Call.Service == "s3":
		bucket, _ := exchange.Parameters["Bucket"].(string)
		endpoint.WriteS3Error(writer, answer.status, answer.code, message, bucket)
	case exchange.Call.Service == "ec2":
		endpoint.WriteEC2Error(writer, answer.status, answer.code, message)
	case exchange.Protocol == awscall.Query:
		endpoint.WriteQueryError(writer, answer.status, answer.code, message)
	default:
		endpoint.WriteJSONError(writer, answer.status, answer.code, message)
	}
}

// pretend answers a call as if it had been carried out.
func pretend(writer http.ResponseWriter, exchange awscall.Exchange) {
	switch exchange.Protocol {
	case awscall.Query:
		writer.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(writer, "<%[1]sResponse><ResponseMetadata><RequestId>%[2]s</RequestId></ResponseMetadata></%[1]sResponse>", exchange.Call.Operation, endpoint.RequestID)
	case awscall.REST:
		writer.WriteHeader(http.StatusOK)
	default:
		endpoint.WriteJSON(writer, struct{}{})
	}
}

// failPlainly answers a call to a registry, which is no AWS service.
func failPlainly(writer http.ResponseWriter, fault Fault) {
	status := map[Fault]int{Throttled: http.StatusTooManyRequests, ServerError: http.StatusServiceUnavailable, Denied: http.StatusForbidden}[fault]
	writer.Header().Set("Content-Type", "application/json")
	if fault == Throttled {
		writer.Header().Set("Retry-After", "1")
	}
	writer.WriteHeader(status)
	_, _ = fmt.Fprintln(writer, `{"errors":[{"code":"DENIED","message":"injected by the test"}]}`)
}
