package variablename_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

func TestIsPublic(t *testing.T) {
	for name, want := range map[string]bool{
		"ECS_CLUSTER": true, "http_proxy": true, "PATH": true, "FOO": true, "S3_BUCKET_2": true, "_X": true, "ROLE_123456789012": true, "SHA256SUM_X509": true,
		"": false, "2X": false, "a b": false, "export A": false, "dXNlcjpwYXNz": false, "DXNLCJPWYXNZ": false,
		"A_" + strings.Repeat("B", 30): false, "camelCase": false, "X\x00": false, "é_É": false,
		strings.Repeat("A_", 60): false, "dckr_pat_0123456789abcdefghij": false, "TOKEN_A1B2C3D4E5F6": false,
	} {
		if got := variablename.IsPublic(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

// TestNoBase64IsPublic tries what a broken base64 text leaves before its padding.
func TestNoBase64IsPublic(t *testing.T) {
	for _, secret := range []string{"user:pass1", "ci:hunter2", "robot$ci:correct horse battery staple", strings.Repeat("k", 57)} {
		if name := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="); variablename.IsPublic(name) {
			t.Errorf("%q passes for a name", name)
		}
	}
}
