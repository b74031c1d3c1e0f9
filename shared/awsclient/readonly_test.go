package awsclient_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
)

func TestAReadOnlyClientSendsNoWrite(t *testing.T) {
	inLambda(t)
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sent++
		_, _ = w.Write([]byte(`{"QueueUrls": []}`))
	}))
	defer server.Close()
	configuration, err := awsclient.Load(t.Context(), "scan")
	if err != nil {
		t.Fatal(err)
	}
	configuration.BaseEndpoint = aws.String(server.URL)
	guarded := awsclient.ReadOnly(configuration, func(service, operation string) bool {
		return service == "SQS" && operation == "ListQueues"
	})
	if _, err := sqs.NewFromConfig(guarded).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil || sent != 1 {
		t.Errorf("a read: %v, %d requests", err, sent)
	}
	_, err = sqs.NewFromConfig(guarded).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(server.URL), MessageBody: aws.String("x")})
	if refused, ok := errors.AsType[*awsclient.Refused](err); !ok || refused.Operation != "SendMessage" || sent != 1 {
		t.Errorf("a write: %v, %d requests", err, sent)
	}
	_, err = s3.NewFromConfig(guarded).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	if _, ok := errors.AsType[*awsclient.Refused](err); !ok || sent != 1 {
		t.Errorf("a write to S3: %v, %d requests", err, sent)
	}
	// The configuration that it was made from still writes.
	if _, err := sqs.NewFromConfig(configuration).DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: aws.String(server.URL)}); err != nil || sent != 2 {
		t.Errorf("the original: %v, %d requests", err, sent)
	}
}
