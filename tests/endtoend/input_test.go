package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/documents"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// testSamples sends every file of events/ to its function.
func testSamples(t *testing.T, w *world) {
	functionOf := must(documents.Samples(w.checkout))(t)
	files := must(filepath.Glob(filepath.Join(w.checkout, "events", "*.json")))(t)
	if len(files) == 0 {
		t.Fatal("events/ is empty")
	}
	for _, file := range files {
		name := filepath.Base(file)
		if functionOf[name] == "" {
			t.Errorf("events/README.md does not say for which function %s is", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := must(os.ReadFile(file))(t)
			w.accepts(t, functionOf[name], event, func(result operator.Result) {
				// S3 sends its test when a notification is made; nothing should be done.
				ignored := slices.Contains(result.Codes(), "event-not-handled") && name != "ecs-config-test-event.json"
				if ignored || slices.Contains(result.Codes(), "event-malformed") {
					t.Errorf("the sample is not taken for an event: %+v", result.Findings)
				}
			})
		})
	}
}

// accepts sends an event and wants a report, an answer to a queue or a clear
// error.
func (w *world) accepts(t *testing.T, function string, event []byte, each func(operator.Result)) {
	t.Helper()
	invocation := must(w.Invoke(t.Context(), function, event))(t)
	if invocation.FunctionError != "" {
		if strings.HasPrefix(invocation.ErrorType, "Runtime.") || strings.Contains(invocation.ErrorMessage, "panic") || strings.Contains(invocation.ErrorMessage, "runtime error") {
			t.Fatalf("%s broke: %s", function, invocation.Payload)
		}
		// Secrets Manager reads nothing but errors; everybody else gets a report.
		if function != "rotate-secret" || invocation.ErrorMessage == "" {
			t.Errorf("%s failed: %s", function, invocation.Payload)
		}
		return
	}
	var batch struct {
		Failures *[]json.RawMessage `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(invocation.Payload, &batch); err == nil && batch.Failures != nil {
		if len(*batch.Failures) > 0 {
			t.Errorf("%s would have the messages delivered again: %s", function, invocation.Payload)
		}
		return
	}
	// notify drops what isn't a finding: a finding about it would come back to it.
	if invocation.Report.Function != function || len(invocation.Report.Results) == 0 && function != "notify" {
		t.Errorf("%s answered no report: %s", function, invocation.Payload)
	}
	for _, result := range invocation.Report.Results {
		if err := check(result); err != nil {
			t.Errorf("%s: %v", result.Subject, err)
		}
		if result.Status == finding.Failed {
			t.Errorf("%s: failed, so that the event would be delivered again: %+v", result.Subject, result.Findings)
		}
		each(operator.Result{Function: function, Result: result})
	}
}

// badInputs are events that no one sends on purpose. Lambda itself refuses what
// is not JSON; queues do not.
var badInputs = map[string]string{
	"empty object":          `{}`,
	"null":                  `null`,
	"list":                  `[]`,
	"text":                  `"create-role"`,
	"number":                `42`,
	"true":                  `true`,
	"no records":            `{"Records":[]}`,
	"records of nothing":    `{"Records":[null,{},[],"x",1]}`,
	"records are a text":    `{"Records":"x"}`,
	"unknown detail-type":   `{"version":"0","source":"aws.ecs","detail-type":"ECS Something New","detail":{"a":[1,2]}}`,
	"detail is a list":      `{"version":"0","source":"aws.iam","detail-type":"AWS API Call via CloudTrail","detail":[]}`,
	"no detail":             `{"version":"0","source":"aws.s3","detail-type":"Object Created"}`,
	"wrong types":           `{"Step":1,"SecretId":[],"ClientRequestToken":{},"role":7,"bucket":false,"key":null,"taskDefinition":3,"sweep":[],"undo":{}}`,
	"rotation of nothing":   `{"Step":"","SecretId":"","ClientRequestToken":""}`,
	"unknown step":          `{"Step":"dropSecret","SecretId":"x","ClientRequestToken":"y"}`,
	"names with line feeds": `{"role":"a\nb","bucket":"a\u0000b","key":"\ud800","taskDefinition":"a:0","sweep":"everything"}`,
	"a call of no one":      `{"eventSource":"iam.amazonaws.com","eventName":"CreateRole","userIdentity":"x","requestParameters":"x"}`,
	"deep":                  strings.Repeat(`{"a":`, 2000) + `1` + strings.Repeat(`}`, 2000),
	"large":                 `{"rubbish":"` + strings.Repeat("x", 5<<20) + `"}`,
}

func testBadInput(t *testing.T, w *world) {
	for _, function := range functions {
		t.Run(function, func(t *testing.T) {
			for name, input := range badInputs {
				if function == "sweep" && input == `{}` {
					// It asks for a look at everything, the other tests' things included;
					// testSweep asks for that.
					continue
				}
				t.Run(name, func(t *testing.T) { w.accepts(t, function, []byte(input), func(operator.Result) {}) })
			}
		})
	}
	for output, function := range queues {
		t.Run(output, func(t *testing.T) {
			for _, body := range []string{`{"detail-type":"AWS API Ca`, "\u00a0", strings.Repeat("rubbish ", 1000)} {
				must(w.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(w.Stack.Outputs[output]), MessageBody: &body}))(t)
			}
			w.published(t, "that a message of the queue is none", func(result operator.Result) bool {
				return result.Function == function && slices.Contains(result.Codes(), "event-malformed") && strings.Contains(result.Findings[0].Message, "8000 bytes")
			})
		})
	}
}
