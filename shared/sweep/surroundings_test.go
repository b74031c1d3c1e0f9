package sweep_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
)

func trail(name string, change func(*types.Trail)) types.Trail {
	of := types.Trail{Name: &name, TrailARN: aws.String("arn:" + name), IncludeGlobalServiceEvents: aws.Bool(true)}
	if change != nil {
		change(&of)
	}
	return of
}

func advanced(fields ...types.AdvancedFieldSelector) *cloudtrail.GetEventSelectorsOutput {
	return &cloudtrail.GetEventSelectorsOutput{AdvancedEventSelectors: []types.AdvancedEventSelector{{FieldSelectors: fields}}}
}

func basic(selector types.EventSelector) *cloudtrail.GetEventSelectorsOutput {
	return &cloudtrail.GetEventSelectorsOutput{EventSelectors: []types.EventSelector{selector}}
}

func field(name string, equals ...string) types.AdvancedFieldSelector {
	return types.AdvancedFieldSelector{Field: &name, Equals: equals}
}

func not(name string, values ...string) types.AdvancedFieldSelector {
	return types.AdvancedFieldSelector{Field: &name, NotEquals: values}
}

// TestTrails: whether the calls that the rules wait for are logged.
func TestTrails(t *testing.T) {
	management := field("eventCategory", "Management")
	tests := map[string]struct {
		trails    []types.Trail
		selectors *cloudtrail.GetEventSelectorsOutput // of the trail "t"
		silent    bool
		denied    string
		want      string // code, and what is in its message
	}{
		"none at all":             {want: "trail-missing has no CloudTrail trail"},
		"this region's own":       {trails: []types.Trail{trail("t", nil)}},
		"all regions":             {trails: []types.Trail{trail("t", func(of *types.Trail) { of.IsMultiRegionTrail = aws.Bool(true) })}},
		"the organization's":      {trails: []types.Trail{trail("t", func(of *types.Trail) { of.IsOrganizationTrail = aws.Bool(true) })}},
		"does not log":            {trails: []types.Trail{trail("t", nil)}, silent: true, want: "trail-missing turned off: t."},
		"one that does not":       {trails: []types.Trail{trail("t", nil), trail("u", nil)}, silent: true},
		"not of global services":  {trails: []types.Trail{trail("t", func(of *types.Trail) { of.IncludeGlobalServiceEvents = nil })}, want: "trail-missing logs iam:CreateRole, iam:DetachRolePolicy in us-east-1"},
		"another account's":       {trails: []types.Trail{trail("t", nil)}, denied: "TrailNotFoundException", want: "trail-unchecked about the trail arn:t"},
		"writes":                  {trails: []types.Trail{trail("t", nil)}, selectors: basic(types.EventSelector{ReadWriteType: "WriteOnly", IncludeManagementEvents: aws.Bool(true)})},
		"reads":                   {trails: []types.Trail{trail("t", nil)}, selectors: basic(types.EventSelector{ReadWriteType: "ReadOnly"}), want: "trail-missing log other events: t."},
		"data":                    {trails: []types.Trail{trail("t", nil)}, selectors: basic(types.EventSelector{IncludeManagementEvents: aws.Bool(false)}), want: "trail-missing logs ec2:RunInstances"},
		"without KMS":             {trails: []types.Trail{trail("t", nil)}, selectors: basic(types.EventSelector{ExcludeManagementEventSources: []string{"kms.amazonaws.com"}})},
		"advanced, all":           {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management)},
		"advanced, writes":        {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, field("readOnly", "false"))},
		"advanced, reads":         {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, field("readOnly", "true")), want: "trail-missing logs ec2:RunInstances, iam:CreateRole, iam:DetachRolePolicy, ecs:RegisterTaskDefinition"},
		"advanced, without KMS":   {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, not("eventSource", "kms.amazonaws.com", "rdsdata.amazonaws.com"))},
		"advanced, without IAM":   {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, not("eventSource", "iam.amazonaws.com")), want: "trail-missing logs iam:CreateRole, iam:DetachRolePolicy in"},
		"advanced, ECS":           {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, field("eventSource", "ecs.amazonaws.com")), want: "trail-missing logs ec2:RunInstances, iam"},
		"advanced, some callers":  {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, not("userIdentity.arn", "arn:noisy"))},
		"advanced, one caller":    {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, field("userIdentity.arn", "arn:one")), want: "trail-missing logs ec2"},
		"advanced, data":          {trails: []types.Trail{trail("t", nil)}, selectors: advanced(field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")), want: "trail-missing logs ec2"},
		"advanced, names by part": {trails: []types.Trail{trail("t", nil)}, selectors: advanced(management, types.AdvancedFieldSelector{Field: aws.String("eventName"), NotStartsWith: []string{"Detach"}}), want: "trail-missing logs iam:DetachRolePolicy in"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := awake()
			a.trails, a.selectors, a.silent = test.trails, map[string]*cloudtrail.GetEventSelectorsOutput{"arn:t": test.selectors}, map[string]bool{"arn:t": test.silent}
			if test.denied != "" {
				a.err = map[string]error{"GetTrailStatus": refusal(test.denied)}
			}
			account := run(t, t.Context(), enforcing(), a, `{}`).Report().Results[0]
			code, words, _ := strings.Cut(test.want, " ")
			switch {
			case test.want == "" && len(account.Findings) > 0, test.want != "" && (len(account.Findings) != 1 || account.Findings[0].Code != code || !strings.Contains(account.Findings[0].Message, words)):
				t.Errorf("got %+v", account)
			case (account.Status == finding.Noncompliant) != (code == "trail-missing"):
				t.Errorf("is %s", account.Status)
			}
		})
	}
}

// TestIAMEvents: whether IAM's events reach the stack's region.
func TestIAMEvents(t *testing.T) {
	tests := map[string]struct {
		region   string
		forwards []string
		only     string
		want     []string
	}{
		"where they are":            {"us-east-1", nil, "roles", nil},
		"elsewhere":                 {"eu-west-1", nil, "roles", []string{"iam-events-elsewhere"}},
		"forwarded":                 {"eu-west-1", []string{"to-ireland"}, "roles", nil},
		"of no matter":              {"eu-west-1", nil, "secrets", nil},
		"GovCloud":                  {"us-gov-west-1", nil, "roles", nil},
		"GovCloud's other region":   {"us-gov-east-1", nil, "roles", []string{"iam-events-elsewhere"}},
		"China":                     {"cn-north-1", nil, "roles", nil},
		"China's other region":      {"cn-northwest-1", nil, "roles", []string{"iam-events-elsewhere"}},
		"the European partition":    {"eusc-de-east-1", nil, "roles", nil},
		"ISO and ISOB are not one":  {"us-isob-east-1", nil, "roles", nil},
		"of task definitions alone": {"eu-west-1", nil, "task-definitions", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := awake()
			a.forwards = test.forwards
			settings := enforcing()
			requests++
			function := sweep.New(settings, sweep.Clients{
				Roles: a, Families: a, Services: a, Rules: a, Schedules: a, Secrets: a, Trails: a, Storage: a, Queues: a, Region: test.region,
			}, time.Now)
			account := function.Handle(t.Context(), []byte(`{"only":["`+test.only+`"]}`)).Report().Results[0]
			findingtest.Saw(account.Findings...)
			if got := codes(account); !slices.Equal(got, test.want) {
				t.Errorf("got %+v", account)
			}
		})
	}
}

// TestBucketsThatTell: whether uploads to config buckets wake validate-config.
func TestBucketsThatTell(t *testing.T) {
	calling := func(event string, filters ...*s3types.NotificationConfigurationFilter) *s3.GetBucketNotificationConfigurationOutput {
		output := &s3.GetBucketNotificationConfigurationOutput{}
		for _, filter := range filters {
			output.LambdaFunctionConfigurations = append(output.LambdaFunctionConfigurations, s3types.LambdaFunctionConfiguration{Events: []s3types.Event{s3types.Event(event)}, Filter: filter})
		}
		return output
	}
	below := &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{{Name: "prefix", Value: aws.String("prod/")}}}}
	eventBridge := &s3.GetBucketNotificationConfigurationOutput{EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}}
	both := calling("s3:ObjectCreated:*", suffixed("ecs.config"), suffixed(".env"))
	tests := map[string]struct {
		own, acme *s3.GetBucketNotificationConfigurationOutput
		want      string // in the messages
	}{
		"as the template has it":     {both, eventBridge, ""},
		"of every key":               {calling("s3:ObjectCreated:*", nil), eventBridge, ""},
		"of a shorter suffix":        {calling("s3:ObjectCreated:Put", suffixed("g"), suffixed("v")), eventBridge, ""},
		"not of environment files":   {calling("s3:ObjectCreated:*", suffixed("ecs.config")), eventBridge, "own sends no event for uploads of keys that end in .env,"},
		"of deletions":               {calling("s3:ObjectRemoved:*", nil), eventBridge, "own sends no event for uploads of keys that end in ecs.config, .env,"},
		"of a prefix":                {calling("s3:ObjectCreated:*", below), eventBridge, "own sends no event"},
		"the own one by EventBridge": {eventBridge, eventBridge, "own sends no event"},
		"the other calls something":  {both, both, "acme sends no event"},
		"the other tells no one":     {both, nil, "acme sends no event"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := awake()
			a.notifies = map[string]*s3.GetBucketNotificationConfigurationOutput{"own": test.own, "acme": test.acme}
			account := run(t, t.Context(), enforcing(), a, `{"only":["config-objects"]}`).Report().Results[0]
			if test.want == "" && account.Status != finding.Compliant ||
				test.want != "" && (!slices.Equal(codes(account), []string{sweep.CodeBucketSilent}) || !strings.Contains(account.Findings[0].Message, test.want)) {
				t.Errorf("got %+v", account)
			}
		})
	}
}
