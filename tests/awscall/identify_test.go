package awscall

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// signed makes a request as an SDK signs it for the service.
func signed(method, target, service, body string) *http.Request {
	request := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, strings.NewReader(body))
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	return request
}

func TestIdentifyREST(t *testing.T) {
	cases := []struct {
		method, target, service string
		header                  map[string]string
		want                    string
		parameters              map[string]any
	}{
		{"GET", "/", "s3", nil, "s3:ListBuckets", map[string]any{}},
		{"PUT", "/acme", "s3", nil, "s3:CreateBucket", map[string]any{"Bucket": "acme"}},
		{"GET", "/acme?list-type=2&prefix=prod%2F", "s3", nil, "s3:ListObjectsV2", map[string]any{"Bucket": "acme", "Prefix": "prod/"}},
		{"GET", "/acme?versions", "s3", nil, "s3:ListObjectVersions", map[string]any{"Bucket": "acme"}},
		{"HEAD", "/acme", "s3", nil, "s3:HeadBucket", map[string]any{"Bucket": "acme"}},
		{"GET", "/acme?policyStatus", "s3", nil, "s3:GetBucketPolicyStatus", map[string]any{"Bucket": "acme"}},
		{"GET", "/acme?policy", "s3", nil, "s3:GetBucketPolicy", map[string]any{"Bucket": "acme"}},
		{"GET", "/acme?publicAccessBlock", "s3", nil, "s3:GetPublicAccessBlock", map[string]any{"Bucket": "acme"}},
		{"GET", "/v20180820/configuration/publicAccessBlock", "s3", nil, "s3:GetAccountPublicAccessBlock", map[string]any{"AccountId": ""}},
		{"GET", "/acme?acl", "s3", nil, "s3:GetBucketAcl", map[string]any{"Bucket": "acme"}},
		{"GET", "/acme?encryption", "s3", nil, "s3:GetBucketEncryption", map[string]any{"Bucket": "acme"}},
		{"POST", "/acme?delete", "s3", nil, "s3:DeleteObjects", map[string]any{"Bucket": "acme"}},
		{"GET", "/acme/a%20b/ecs.config?versionId=3HL", "s3", nil, "s3:GetObject", map[string]any{"Bucket": "acme", "Key": "a b/ecs.config", "VersionId": "3HL"}},
		{"HEAD", "/acme/x", "s3", nil, "s3:HeadObject", map[string]any{"Bucket": "acme", "Key": "x"}},
		{"PUT", "/acme/x?tagging&versionId=1", "s3", nil, "s3:PutObjectTagging", map[string]any{"Bucket": "acme", "Key": "x", "VersionId": "1"}},
		{"GET", "/acme/x?tagging", "s3", nil, "s3:GetObjectTagging", map[string]any{"Bucket": "acme", "Key": "x"}},
		{"PUT", "/acme/x?x-id=PutObject", "s3", map[string]string{"If-None-Match": "*"}, "s3:PutObject", map[string]any{"Bucket": "acme", "Key": "x", "IfNoneMatch": "*"}},
		{"PUT", "/acme/x", "s3", map[string]string{"X-Amz-Copy-Source": "/acme/x?versionId=1"}, "s3:CopyObject", map[string]any{"Bucket": "acme", "Key": "x", "CopySource": "/acme/x?versionId=1"}},
		{"PUT", "/acme/x?partNumber=1&uploadId=u", "s3", nil, "s3:UploadPart", map[string]any{"Bucket": "acme", "Key": "x", "UploadId": "u"}},
		{"POST", "/acme/x?uploads", "s3", nil, "s3:CreateMultipartUpload", map[string]any{"Bucket": "acme", "Key": "x"}},
		{"POST", "/acme/x?uploadId=u", "s3", nil, "s3:CompleteMultipartUpload", map[string]any{"Bucket": "acme", "Key": "x", "UploadId": "u"}},
		{"DELETE", "/acme/x", "s3", nil, "s3:DeleteObject", map[string]any{"Bucket": "acme", "Key": "x"}},
		{"POST", "/2015-03-31/functions/f/invocations", "lambda", map[string]string{"X-Amz-Invocation-Type": "Event"}, "lambda:Invoke", map[string]any{"FunctionName": "f", "InvocationType": "Event"}},
		{"GET", "/2015-03-31/functions/f/configuration", "lambda", nil, "lambda:GetFunctionConfiguration", map[string]any{"FunctionName": "f"}},
		{"POST", "/2099-01-01/news", "lambda", nil, "lambda:POST /2099-01-01/news", nil},
		{"POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "monitoring", nil, "cloudwatch:PutMetricData", nil},
	}
	for _, test := range cases {
		t.Run(test.want+" "+test.target, func(t *testing.T) {
			request := signed(test.method, test.target, test.service, "")
			for name, value := range test.header {
				request.Header.Set(name, value)
			}
			exchange := Identify(request, nil, time.Time{})
			if exchange.Call.Name() != test.want || !reflect.DeepEqual(exchange.Parameters, test.parameters) {
				t.Errorf("got %s %v, want %s %v", exchange.Call.Name(), exchange.Parameters, test.want, test.parameters)
			}
		})
	}
}

func TestIdentifyJSON(t *testing.T) {
	body := `{"SecretId":"s","SecretString":"{\"password\":\"canary\"}","VersionStages":["AWSPENDING"]}`
	request := signed("POST", "/", "secretsmanager", body)
	request.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue")
	request.Header.Set("X-Amzn-Trace-Id", "Root=1-6b02-dcfb;Parent=53995c3f42cd8ad8;Sampled=1")
	request.Header.Set("User-Agent", "aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26.8 app/ecs-guardrails-rotate-secret m/E")
	exchange := Identify(request, []byte(body), time.Time{})
	call := exchange.Call
	if call.Name() != "secretsmanager:PutSecretValue" || call.Caller != "rotate-secret" || call.Trace != "1-6b02-dcfb" || call.Region != "us-east-1" {
		t.Errorf("got %+v", call)
	}
	if exchange.Parameters["SecretString"] != `{"password":"canary"}` {
		t.Errorf("the exchange has %v", exchange.Parameters)
	}
	if want := map[string]any{"SecretId": "s", "SecretString": hidden, "VersionStages": []any{"AWSPENDING"}}; !reflect.DeepEqual(call.Parameters, want) {
		t.Errorf("the record has %v", call.Parameters)
	}
}

func TestIdentifyQuery(t *testing.T) {
	form := url.Values{
		"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"r"},
		"Tags.member.1.Key": {"k"}, "Tags.member.1.Value": {"v"}, "Tags.member.2.Key": {"l"}, "Tags.member.2.Value": {""},
	}
	request := signed("POST", "/", "iam", form.Encode())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	// A scan from a shell is none of the stack's functions.
	request.Header.Set("User-Agent", "aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26.8 app/ecs-guardrails-scan m/E")
	exchange := Identify(request, []byte(form.Encode()), time.Time{})
	want := map[string]any{"RoleName": "r", "Tags": []any{
		map[string]any{"Key": "k", "Value": "v"}, map[string]any{"Key": "l", "Value": ""},
	}}
	if exchange.Call.Name() != "iam:CreateRole" || exchange.Call.Caller != Person || !reflect.DeepEqual(exchange.Parameters, want) {
		t.Errorf("got %s by %s: %v", exchange.Call.Name(), exchange.Call.Caller, exchange.Parameters)
	}
}

func TestPresignedRequestsNameTheirService(t *testing.T) {
	request := httptest.NewRequest("GET", "http://127.0.0.1/acme/x?X-Amz-Credential=test%2F20261122%2Feu-central-1%2Fs3%2Faws4_request", nil)
	call := Identify(request, nil, time.Time{}).Call
	if call.Name() != "s3:GetObject" || call.Region != "eu-central-1" {
		t.Errorf("got %+v", call)
	}
}

func TestListsOfTheQueryProtocol(t *testing.T) {
	form := url.Values{
		"InstanceId.2": {"i-2"}, "InstanceId.1": {"i-1"}, "InstanceId.10": {"i-10"},
		"TagSpecification.1.ResourceType": {"instance"}, "TagSpecification.1.Tag.1.Key": {"k"}, "TagSpecification.1.Tag.1.Value": {"v"},
		"ContextEntries.member.1.ContextKeyValues.member.1": {"a"}, "ContextEntries.member.1.ContextKeyName": {"n"},
		"IamInstanceProfile.Name": {"p"},
	}
	want := map[string]any{
		"InstanceId":         []any{"i-1", "i-2", "i-10"},
		"TagSpecification":   []any{map[string]any{"ResourceType": "instance", "Tag": []any{map[string]any{"Key": "k", "Value": "v"}}}},
		"ContextEntries":     []any{map[string]any{"ContextKeyName": "n", "ContextKeyValues": []any{"a"}}},
		"IamInstanceProfile": map[string]any{"Name": "p"},
	}
	if got := decodeForm(form); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("POST", "/", "iam", "", "Action=CreateRole&Tags.member.1.Key=k&Tags=x&Tags.member=y")
	f.Add("GET", "/a/b?tagging", "s3", "", "")
	f.Add("POST", "/", "ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", `{"a":[{"environment":[{"value":"x"}]}]}`)
	f.Fuzz(func(t *testing.T, method, target, service, header, body string) {
		address, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		request := &http.Request{Method: method, URL: address, Header: http.Header{
			"Authorization": {"AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/" + service + "/aws4_request"},
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"X-Amz-Target":  {header},
		}}
		if call := Identify(request, []byte(body), time.Time{}).Call; call.Operation == "" {
			t.Errorf("%s %s has no operation", method, target)
		}
	})
}
