package endtoend

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/tests/operator"
	"ecsguardrails/tests/stack"
)

// bucketOnly is the least that the rig can run.
const bucketOnly = `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Architecture: { Type: String }
  Mode: { Type: String }
  AttachDelaySeconds: { Type: Number }
  IamEvents: { Type: String, Default: auto }
Resources:
  ConfigBucket: { Type: AWS::S3::Bucket }
Outputs:
  ConfigBucket: { Value: !Ref ConfigBucket }
`

// TestTwoStacks runs a second stack beside the one of all tests, and looks what
// is left when it has stopped.
func TestTwoStacks(t *testing.T) {
	template := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(template, []byte(bucketOnly), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "test-second-" + strconv.Itoa(os.Getpid())
	second, err := stack.Start(t.Context(), stack.Options{Name: name, Template: template})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Stop() })
	if second.Endpoint == shared.Stack.Endpoint {
		t.Errorf("both stacks answer at %s", second.Endpoint)
	}
	bucket := second.Outputs["ConfigBucket"]
	must(operator.New(second).Upload(t.Context(), bucket, "mine", "of the second"))(t)
	if _, err := shared.S3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String(bucket)}); err == nil {
		t.Errorf("the first stack has the second one's bucket %s", bucket)
	}
	if owner := must(stack.Owner(shared.checkout, name))(t); owner != os.Getpid() {
		t.Errorf("process %d runs the second stack, not this one", owner)
	}
	if _, err := stack.Start(t.Context(), stack.Options{Name: name, Template: template}); err == nil {
		t.Error("a third stack took the second one's name")
	}

	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	for what, address := range map[string]string{"endpoint": second.Endpoint, "registry": "http://" + second.Registry.Host} {
		parsed := must(url.Parse(address))(t)
		if connection, err := net.Dial("tcp", parsed.Host); err == nil {
			_ = connection.Close()
			t.Errorf("the %s of the second stack still answers", what)
		}
	}
	if owner := must(stack.Owner(shared.checkout, name))(t); owner != 0 {
		t.Errorf("process %d still runs the second stack", owner)
	}
	for _, entry := range must(os.ReadDir(filepath.Join(shared.checkout, ".local", "run", name)))(t) {
		if file := entry.Name(); file != "lock" && !strings.HasSuffix(file, ".log") && !strings.HasSuffix(file, ".jsonl") {
			t.Errorf("the second stack left %s", file)
		}
	}
}
