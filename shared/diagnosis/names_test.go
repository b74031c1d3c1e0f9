package diagnosis

import (
	"strings"
	"testing"
	"unicode"

	"ecsguardrails/shared/finding"
)

// Whoever starts tasks names groups, images and definitions.
func TestNamesStayOnTheirLine(t *testing.T) {
	const nasty = "a\x1b[31m\n\u2028b`c"
	for _, change := range []func(map[string]any){
		func(d map[string]any) { d["group"] = "service:" + nasty },
		func(d map[string]any) { d["clusterArn"] = "arn:aws:ecs:us-east-1:123456789012:cluster/" + nasty },
		func(d map[string]any) {
			d["taskDefinitionArn"] = "arn:aws:ecs:us-east-1:123456789012:task-definition/" + nasty
		},
		func(d map[string]any) { d["taskArn"] = nasty },
		func(d map[string]any) {
			container := d["containers"].([]any)[0].(map[string]any)
			container["image"], container["name"], container["reason"] = nasty, nasty, "CannotPullContainerError: no basic auth credentials "+nasty
			d["stoppedReason"] = "Task failed to start"
		},
		func(d map[string]any) {
			d["stoppedReason"] = "Asm fetching secret from the service for " + nasty + ": AccessDenied"
		},
	} {
		a := newAccount()
		for _, result := range a.diagnosis(finding.Enforce).Handle(t.Context(), sample(t, "task-stopped-ec2-registry-secret-denied", change)).Report().Results {
			if err := result.Check(); err != nil {
				t.Error(err)
			}
			for _, text := range append([]string{result.Subject}, result.Findings[0].Message, result.Findings[0].Fix, result.Findings[len(result.Findings)-1].Message) {
				if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' }) {
					t.Errorf("%q breaks its line", text)
				}
			}
		}
	}
}
