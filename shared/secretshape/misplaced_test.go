package secretshape_test

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

func TestIsMisplaced(t *testing.T) {
	for text, want := range map[string]bool{
		// Whole credentials.
		"gh" + "p_" + filler(36):                     true,
		"AK" + "IA" + strings.Repeat("ABC2", 4):      true,
		"https://ci:hunter-two@registry.example.com": true,
		"dXNlcjpodW50ZXItdHdv":                       true,
		// Beginnings of them.
		"gh" + "p_" + filler(8):      true,
		"gl" + "pat-" + filler(8):    true,
		"dckr" + "_pat_" + filler(8): true,
		"xox" + "b-" + filler(8):     true,
		"hv" + "s." + filler(8):      true,
		"npm" + "_" + filler(8):      true,
		"ey" + "JhbGciOiJI":          true,
		"AK" + "IAABCDABCD":          true,
		"sk-proj-" + filler(12):      true,
		"cmVmdGtuO" + filler(8):      true,
		// What a generator makes.
		"a1b2c3d4e5f6g7h8":                 true,
		"qX7vT2mK9wR4zB6n":                 true,
		"xqzjvwkpbtrmgfhd":                 true,
		"P4$s9!x2#k7&m1%q":                 true,
		"aB3-xY9_kL2-mN5_pQ8-rS4":          true,
		"/prod/web/qX7vT2mK9wR4zB6n":       true,
		"9f86d081884c7d659a2feaa0c55ad015": true,
		// Names that people choose.
		"":                        false,
		"app":                     false,
		"ecsTaskExecutionRole":    false,
		"storefrontproduction":    false,
		"/ecs/prod/web":           false,
		"web-2024-06-01":          false,
		"k8s-v1.29.4-node":        false,
		"APP_DATABASE_URL_2":      false,
		"ASIAPacificRole":         false,
		"sk-production-cluster":   false,
		"prod/registry/docker-io": false,
		"dd-agent":                false,
		"otel-collector-0.96.0":   false,
		"fluentbit2cloudwatch":    false,
		// As in the example "multi-config-support" of aws-samples.
		"aws_fluent_bit_init_s3_1": false,
		// Names that tools generate.
		"acme-prod-InstanceRole-1ABCDEFGHIJKL":              false,
		"WebTaskDefExecutionRoleC4B1E2D3":                   false,
		"Shop-WebTaskDefExecutionRoleC4B1E2D3-AbC1dE2fG3hI": false,
		"Shop-ServiceTaskDefwebLogGroup8A2B4C6D-aB1cD2eF3g": false,
		"/ecs/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed":         false,
		"web-Service-AbC1dE2fG3hI":                          false,
		"RegistrySecretA1B2C3D4-aB3dE5fG7hI9":               false,
	} {
		if got := secretshape.IsMisplaced(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
