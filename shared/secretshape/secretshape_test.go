package secretshape_test

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// filler is no credential: it only has the alphabet and the length of one.
func filler(n int) string { return strings.Repeat("aB3x", n/4+1)[:n] }

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"AK" + "IA" + strings.Repeat("ABC2", 4):                  "an AWS access key",
		"gh" + "p_" + filler(36):                                 "a GitHub token",
		"github" + "_pat_" + filler(40):                          "a GitHub token",
		"gl" + "pat-" + filler(20):                               "a GitLab token",
		"dckr" + "_pat_" + filler(27):                            "a Docker Hub token",
		"dckr" + "_oat_" + filler(27):                            "a Docker Hub token",
		"xox" + "b-123456789012-" + filler(24):                   "a Slack token",
		"https://hooks.slack.com/services/T0/B0/" + filler(24):   "a Slack webhook",
		"AI" + "za" + filler(35):                                 "a Google API key",
		"npm" + "_" + filler(36):                                 "an npm token",
		"sk" + "_live_" + filler(24):                             "a Stripe key",
		"hv" + "s." + filler(24):                                 "a HashiCorp Vault token",
		"ey" + "JhbGciOiJI." + "ey" + "JzdWIiOiIx." + filler(10): "a JSON web token",
		"-----BEGIN RSA PRIVATE" + " KEY-----":                   "a private key",
		"postgres://app:hunter-two@db:5432/app":                  "a password in a URL",
		"dXNlcjpodW50ZXItdHdv":                                   "the base64 of a user name and a password",
		"arn:aws:s3:::acme-env/dXNlcjpodW50ZXItdHdv.env":         "the base64 of a user name and a password",
		"no login with dXNlcjpodW50ZXItdHdv, said the host":      "the base64 of a user name and a password",
		"prod": "",
		"arn:aws:ecs:us-east-1:123456789012:cluster/prod": "",
		"https://ecs.us-east-1.amazonaws.com:443/x@y":     "",
		"":                            "",
		"production":                  "",
		"[\"json-file\",\"awslogs\"]": "",
		"unix:///var/run/docker.sock": "",
		"169.254.169.254,169.254.170.2,/var/run/docker.sock": "",
		"task-definition-SKU0000000000":                      "",
	} {
		if got := secretshape.Find(text); got != want {
			t.Errorf("%.30q is %q, want %q", text, got, want)
		}
	}
}
