package secretshape_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

func TestMask(t *testing.T) {
	token := "gh" + "p_" + filler(36)
	for text, want := range map[string]string{
		"unable to fetch " + token + ", which does not exist":                                                                "unable to fetch (not shown) which does not exist",
		"ParameterNotFound: qX7vT2mK9wR4zB6n":                                                                                "ParameterNotFound: (not shown)",
		`invalid ARN: {"username":"ci","password":"qX7vT2mK9wR4zB6n"}`:                                                       "invalid ARN: (not shown)",
		"GET https://ci:hunter-two@registry.example.com/v2/: 401":                                                            "GET (not shown) 401",
		"see https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b":                                                              "see (not shown)",
		"Task 0123456789abcdef0123456789abcdef, request 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.":                               "Task 0123456789abcdef0123456789abcdef, request 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.",
		"(service web-Service-AbC1dE2fG3hI) was unable to place a task":                                                      "(service web-Service-AbC1dE2fG3hI) was unable to place a task",
		"pull registry.example.com/acme/web:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b failed":                                 "pull registry.example.com/acme/web:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b failed",
		"ResourceInitializationError: arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf":                  "ResourceInitializationError: arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf",
		"CannotStartContainerError: OutOfMemoryErrorDetectedByTheContainerRuntime":                                           "CannotStartContainerError: OutOfMemoryErrorDetectedByTheContainerRuntime",
		"manifest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 not found on i-0123456789abcdef0.": "manifest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 not found on i-0123456789abcdef0.",
	} {
		if got := secretshape.Mask(text); got != want {
			t.Errorf("%q\nis  %q\nnot %q", text, got, want)
		}
	}
}
