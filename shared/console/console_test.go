package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
)

func TestOf(t *testing.T) {
	for subject, want := range map[string]string{
		"role/a b":                               "https://eu-west-1.console.aws.amazon.com/iam/home?region=eu-west-1#/roles/details/a%20b",
		"s3://acme/web/ecs.config?versionId=v+1": "https://eu-west-1.console.aws.amazon.com/s3/object/acme?region=eu-west-1&prefix=web%2Fecs.config&versionId=v%2B1",
		"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7":                               "https://eu-west-1.console.aws.amazon.com/ecs/v2/task-definitions/web/7/containers?region=eu-west-1",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf":              "https://eu-west-1.console.aws.amazon.com/secretsmanager/secret?name=prod%2Fregistry&region=eu-west-1",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf#createSecret": "https://eu-west-1.console.aws.amazon.com/secretsmanager/secret?name=prod%2Fregistry&region=eu-west-1",
		"arn:aws:ecs:eu-west-1:123456789012:service/main/web":                                    "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/main/services/web/health?region=eu-west-1",
		"arn:aws:ecs:eu-west-1:123456789012:task/main/0123abcd":                                  "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/main/tasks/0123abcd/configuration?region=eu-west-1",
		"i-0123456789abcdef0": "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#InstanceDetails:instanceId=i-0123456789abcdef0",
		"arn:aws:ecs:us-east-1:123456789012:service/main/web": "", "account": "", "": "", "s3://acme": "", "role/": "",
	} {
		if got := console.Of("eu-west-1", subject); got != want {
			t.Errorf("%s: got %s, want %s", subject, got, want)
		}
	}
	for region, domain := range map[string]string{"cn-north-1": "amazonaws.cn", "us-gov-west-1": "amazonaws-us-gov.com", "eusc-de-east-1": "amazonaws-eusc.eu", "us-iso-east-1": "", "https://evil": "", "": ""} {
		got := console.Role(region, "a")
		if domain == "" && got != "" || !strings.Contains(got, domain) {
			t.Errorf("%s: %s", region, got)
		}
	}
}

// FuzzOf holds the address to the console's host, whatever the subject is.
func FuzzOf(f *testing.F) {
	f.Add("s3://acme/../x?y#z")
	f.Add("role/@evil.example/")
	f.Fuzz(func(t *testing.T, subject string) {
		got := console.Of("eu-west-1", subject)
		if got == "" {
			return
		}
		parsed, err := url.Parse(got)
		if err != nil || parsed.Host != "eu-west-1.console.aws.amazon.com" || strings.ContainsAny(got, " <>\"'`()[]|\n") {
			t.Errorf("%q leads to %s (%v)", subject, got, err)
		}
	})
}
