package awscall

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Protocol is how a service writes its requests and answers.
type Protocol int

const (
	// REST services name the operation by method and path (S3, Lambda).
	REST Protocol = iota
	// JSON services name it in the header X-Amz-Target (ECS, SQS).
	JSON
	// Query services name it in the form field Action (IAM, EC2).
	Query
	// CBOR services name it in the path (CloudWatch).
	CBOR
)

// CarriesObject says that the request's or the answer's body is an S3
// object's content: data that passes through and is never looked into.
func CarriesObject(request *http.Request) bool {
	_, _, signingName := credentialScope(request)
	return signingName == "s3" || signingName == "" && request.Header.Get("X-Amz-Target") == "" && request.Method != http.MethodPost
}

// Identify reads the request, whose body is given beside it.
func Identify(request *http.Request, body []byte, now time.Time) Exchange {
	accessKey, region, signingName := credentialScope(request)
	exchange := Exchange{
		Call: Call{
			Time:    now,
			Caller:  caller(request.UserAgent()),
			Service: actionPrefix(signingName),
			Region:  region,
			Trace:   traceRoot(request.Header.Get("X-Amzn-Trace-Id")),
		},
		Header:    request.Header.Clone(),
		InvokedBy: request.Header.Get(InvokedByHeader),
		Host:      request.Host,
		AccessKey: accessKey, SessionToken: request.Header.Get("X-Amz-Security-Token"),
		SourceIP: sourceAddress(request.RemoteAddr),
	}
	call := &exchange.Call
	switch target := request.Header.Get("X-Amz-Target"); {
	case target != "":
		exchange.Protocol = JSON
		call.Operation = target[strings.LastIndexByte(target, '.')+1:]
		exchange.Parameters = decodeJSON(body)
	case strings.HasPrefix(request.URL.Path, "/service/") && strings.Contains(request.URL.Path, "/operation/"):
		exchange.Protocol = CBOR
		_, call.Operation, _ = strings.Cut(request.URL.Path, "/operation/")
	case strings.HasPrefix(request.Header.Get("Content-Type"), "application/x-www-form-urlencoded"), request.URL.Query().Has("Action"):
		exchange.Protocol = Query
		form, err := url.ParseQuery(string(body))
		if err != nil || !form.Has("Action") {
			form = request.URL.Query()
		}
		call.Operation = form.Get("Action")
		exchange.Parameters = decodeForm(form)
	case signingName == "lambda":
		call.Operation, exchange.Parameters = lambdaOperation(request)
	case signingName == "securityhub":
		call.Operation, exchange.Parameters = securityHubOperation(request), decodeJSON(body)
	case signingName == "scheduler":
		call.Operation, exchange.Parameters = schedulerOperation(request)
	case signingName == "s3", signingName == "":
		call.Service = "s3"
		call.Operation, exchange.Parameters = s3Operation(request)
	}
	if call.Operation == "" {
		call.Operation = request.Method + " " + request.URL.Path
	}
	call.Parameters = withoutSecrets(exchange.Parameters)
	return exchange
}

// traceRoot keeps the part of an X-Ray header that is the same in every call
// of one invocation: Root=1-…;Parent=…;Sampled=1.
func traceRoot(header string) string {
	for part := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok {
			return root
		}
	}
	return ""
}

func sourceAddress(remote string) string {
	if at := strings.LastIndexByte(remote, ':'); at >= 0 {
		return strings.Trim(remote[:at], "[]")
	}
	return remote
}

func decodeJSON(body []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var parameters map[string]any
	if decoder.Decode(&parameters) != nil {
		return nil
	}
	return parameters
}
