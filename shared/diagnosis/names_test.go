package diagnosis

import (
	"strings"
	"testing"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
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
			if err := findingtest.Check(result); err != nil {
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

// A lock screen shows about 120 characters: by then, the cause has begun,
// whatever tools call services, clusters, repositories and roles.
func TestMessageFitsALockScreen(t *testing.T) {
	const (
		service = "ComfyUIStack-ComfyUIService6B91FEDA-6l6z6AJugL5Q"
		cluster = "ComfyUIStack-EcsClusterEB0386A7-x1Y2z3A4b5C6"
		image   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/cdk-hnb659fds-container-assets-123456789012-us-east-1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	)
	for reason, cause := range map[string]string{
		"CannotPullContainerError: Error response from daemon: manifest for " + image + " not found: manifest unknown":                                                               "isn't in the registry",
		"CannotPullContainerError: Error response from daemon: Head \"https://ghcr.io/v2/acme/app/manifests/1\": denied: denied":                                                     "the registry doesn't let",
		"CannotPullContainerError: Error response from daemon: toomanyrequests: You have reached your pull rate limit.":                                                              "the registry limits pulls",
		"CannotStartContainerError: Error response from daemon: failed to initialize logging driver: ResourceNotFoundException: The specified log group does not exist.":             "log group",
		"CannotPullECRContainerError: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/" + service + "/i-0123456789abcdef0 is not authorized to perform: ecr:Get": "may not get an Amazon ECR token",
	} {
		a := newAccount()
		a.define("", "")
		results := a.diagnosis(finding.Enforce).Handle(t.Context(), sample(t, "task-stopped-ec2-registry-secret-denied", func(d map[string]any) {
			d["group"], d["clusterArn"] = "service:"+service, "arn:aws:ecs:us-east-1:123456789012:cluster/"+cluster
			d["stoppedReason"] = "Task failed to start"
			container := d["containers"].([]any)[0].(map[string]any)
			container["image"], container["reason"] = image, reason
		})).Report().Results
		message := results[0].Findings[0].Message
		at := strings.Index(message, cause)
		if begins := strings.Index(message, ": "); at < 0 || begins < 0 || len([]rune(message[:begins])) > 118 {
			t.Errorf("%d characters before the cause %q: %s", len([]rune(message[:max(begins, 0)])), cause, message)
		}
		if evidence := results[0].Findings[len(results[0].Findings)-1].Message; !strings.Contains(evidence, cluster) && !strings.Contains(evidence, service) {
			t.Errorf("nothing has the whole names: %s", evidence)
		}
	}
}
