package taskdef

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// TestUnrelatedConditionsDecideNothing: the simulator names the missing keys of all
// of a role's policies. Only those of statements that match the action and the
// resource leave a verdict open.
func TestUnrelatedConditionsDecideNothing(t *testing.T) {
	const (
		managed  = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
		pulls    = "ecr:* *"
		byTag    = "secretsmanager:GetSecretValue * aws:ResourceTag/ecs-guardrails:registry=registry.example.com"
		endpoint = "s3:* * aws:SourceVpce=vpce-1"
	)
	tests := map[string]struct {
		may, denied  []string
		tags         map[string]string
		organization bool
		refused      bool
		status       finding.Status
		severity     finding.Severity
		cured        bool
		says         string
	}{
		"the policy for registry secrets":      {may: []string{byTag}, status: finding.Remediated, cured: true},
		"a VPC endpoint for another service":   {may: []string{endpoint}, status: finding.Remediated, cured: true},
		"access by tags elsewhere":             {may: []string{"ec2:* * aws:ResourceTag/team=${aws:PrincipalTag/team}"}, status: finding.Remediated, cured: true},
		"another repository under a condition": {may: []string{"ecr:* arn:aws:ecr:us-east-1:123456789012:repository/other aws:SourceVpce=vpce-1"}, status: finding.Remediated, cured: true},
		"this repository under a condition":    {may: []string{"ecr:GetAuthorizationToken *", "ecr:* arn:aws:ecr:*:*:repository/team/* aws:SourceVpce=vpce-1"}, status: finding.Noncompliant, severity: finding.Warning, says: "aws:SourceVpce"},
		"a plain denial":                       {may: []string{pulls, byTag}, denied: []string{"ecr:BatchGetImage *"}, status: finding.Noncompliant, severity: finding.Error, says: "A policy denies it"},
		"a denial under a condition":           {may: []string{pulls, byTag}, denied: []string{"ecr:* * aws:SourceVpce!=vpce-1"}, status: finding.Noncompliant, severity: finding.Warning, says: "aws:SourceVpce"},
		"an unrelated denial":                  {may: []string{byTag}, denied: []string{"s3:* * aws:SourceVpce!=vpce-1"}, status: finding.Remediated, cured: true},
		"missing, and denied under one":        {may: []string{byTag}, denied: []string{"* * aws:SourceVpce!=vpce-1"}, status: finding.Remediated, cured: true},
		"its own tag":                          {may: []string{"ecr:* * aws:PrincipalTag/pulls=yes"}, tags: map[string]string{"pulls": "yes"}, status: finding.Compliant},
		"a tag that it doesn't have":           {may: []string{"ecr:* * aws:PrincipalTag/pulls=yes"}, status: finding.Remediated, cured: true},
		"denied but for its tag":               {may: []string{pulls}, denied: []string{"* * aws:PrincipalTag/pulls!=yes"}, tags: map[string]string{"pulls": "yes"}, status: finding.Compliant},
		"denied for want of a tag":             {may: []string{pulls}, denied: []string{"* * aws:PrincipalTag/pulls!=yes"}, status: finding.Noncompliant, severity: finding.Error, says: "A policy denies it"},
		"the organization refuses":             {may: []string{pulls}, organization: true, status: finding.Noncompliant, severity: finding.Warning, says: "a policy of the organization"},
		"it refuses, and the role lacks it":    {organization: true, status: finding.Noncompliant, severity: finding.Warning, cured: true, says: "a policy of the organization"},
		"its policies can't be read":           {may: []string{byTag}, refused: true, status: finding.Noncompliant, severity: finding.Warning, says: "aws:ResourceTag"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack()
			s.iam.policies[managed] = []string{pulls}
			s.iam.roles[roleName] = &fakeRole{trust: trustsECS, may: test.may, denied: test.denied, tags: test.tags, organization: test.organization}
			if test.refused {
				s.iam.policiesErr = &smithy.GenericAPIError{Code: "AccessDenied"}
			}
			s.ecs.add(registration("app", container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")))
			result := s.look("app")
			if result.Status != test.status {
				t.Errorf("status %s, want %s", result.Status, test.status)
			}
			if attached := slices.Contains(s.iam.calls, "AttachRolePolicy"); attached != test.cured {
				t.Errorf("a policy was attached: %v", attached)
			}
			text := ""
			for _, f := range result.Findings {
				text += string(f.Severity) + " " + f.Message + " " + f.Fix + "\n"
				if f.Code != "execution-role-ecr" {
					t.Errorf("the finding %s", f.Code)
				}
			}
			if !strings.Contains(text, test.says) || test.severity != "" && !strings.Contains("\n"+text, "\n"+string(test.severity)+" ") {
				t.Errorf("%q, want %s %q", text, test.severity, test.says)
			}
		})
	}
}

// TestTagsOfASecretAreNoOtherResources: what the simulator gets about a secret's
// tags must not open a repository.
func TestTagsOfASecretAreNoOtherResources(t *testing.T) {
	secret := tagged("shop", "registry.example.com")
	secret.Tags = append(secret.Tags, secrettypes.Tag{Key: aws.String("team"), Value: aws.String("shop")})
	s := newStack(secret)
	s.iam.roles[roleName] = &fakeRole{trust: trustsECS, may: []string{"ecr:GetAuthorizationToken *", "* * aws:ResourceTag/team=shop"}}
	s.ecs.add(registration("app",
		withCredential(container("web", "registry.example.com/app"), secretARN("shop")),
		container("sidecar", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")))
	result := s.look("app")
	if len(result.Findings) != 1 || result.Findings[0].Code != "execution-role-ecr" || result.Findings[0].Severity != finding.Warning {
		t.Errorf("%+v", result.Findings)
	}
}

// TestAKeyOfAConditionIsShownOnlyIfItIsOne: someone who writes a role's policy can put
// a secret where a condition key belongs.
func TestAKeyOfAConditionIsShownOnlyIfItIsOne(t *testing.T) {
	for _, key := range []string{"aws:RequestTag/k7DMwJalrXUtn/K7MDENG2bPxRfiCY8XuMp1Eh5Q", "aws:k7DMwJalrXUtnXK7MDENG2bPxRfiCY8XuMp1Eh5Q", "aws:RequestTag/ghp_16C7e42F292c6912E7710c838347Ae178B4a"} {
		s := newStack()
		s.iam.roles[roleName] = &fakeRole{trust: trustsECS, may: []string{"ecr:* * " + key + "=yes"}}
		s.ecs.add(registration("app", container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")))
		result := s.look("app")
		if len(result.Findings) != 1 || !strings.Contains(result.Findings[0].Message, "not shown") || strings.Contains(result.Findings[0].Message, key) {
			t.Errorf("%s: %+v", key, result.Findings)
		}
	}
}
