package instancerole

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// GetAccountAuthorizationDetails gives two roles to a page, so that paging is used.
func (a *account) GetAccountAuthorizationDetails(_ context.Context, input *iam.GetAccountAuthorizationDetailsInput, _ ...func(*iam.Options)) (*iam.GetAccountAuthorizationDetailsOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetAccountAuthorizationDetails"); err != nil {
		return nil, err
	}
	if !slices.Equal(input.Filter, []types.EntityType{types.EntityTypeRole}) {
		return nil, errors.New("more than roles are asked for")
	}
	names := slices.Sorted(maps.Keys(a.roles))
	from := 0
	_, _ = fmt.Sscan(aws.ToString(input.Marker), &from)
	to := min(from+2, len(names))
	output := &iam.GetAccountAuthorizationDetailsOutput{}
	for _, name := range names[from:to] {
		stored := a.roles[name]
		detail := types.RoleDetail{
			RoleName: &stored.name, Arn: aws.String(stored.arn()), Path: aws.String(stored.pathOrRoot()), CreateDate: &stored.created,
			AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(url.QueryEscape(stored.trust), "+", "%20")),
		}
		for key, value := range stored.tags {
			detail.Tags = append(detail.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		output.RoleDetailList = append(output.RoleDetailList, detail)
	}
	if to < len(names) {
		output.IsTruncated, output.Marker = true, aws.String(fmt.Sprint(to))
	}
	return output, nil
}

func TestListConfigReaders(t *testing.T) {
	const lambda = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	reads := map[string]string{capabilitiesTag: "agent config"}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	a := newAccount(
		&storedRole{name: "ecsInstanceRole", trust: ec2Trust},
		&storedRole{name: "ecsInstanceRole-reads", trust: ec2Trust, tags: reads},
		&storedRole{name: "ecsInstanceRole-new", trust: ec2Trust, tags: reads, created: now.Add(-time.Minute)},
		&storedRole{name: "ecsInstanceRole-not", trust: ec2Trust, tags: map[string]string{capabilitiesTag: "none"}},
		&storedRole{name: "ecsInstanceRole-ignored", trust: ec2Trust, tags: map[string]string{capabilitiesTag: "config", "ecs-guardrails:ignore": "true"}},
		&storedRole{name: "ecsInstanceRole-function", trust: lambda, tags: reads},
		&storedRole{name: "ecsInstanceRole-broken", trust: "{", tags: reads},
		&storedRole{name: "fleet", trust: ec2Trust, tags: map[string]string{instanceRoleTag: "true", capabilitiesTag: "config"}},
		&storedRole{name: "web", trust: ec2Trust, tags: reads},
	)
	names := func(s Settings) string {
		t.Helper()
		roles, err := s.ListConfigReaders(t.Context(), a, now)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, role := range roles {
			names = append(names, role.Name)
		}
		return strings.Join(names, " ")
	}
	if got, want := names(Settings{InstanceRolePattern: "ecsInstanceRole*", Capabilities: Capabilities{Agent}}), "ecsInstanceRole-reads fleet"; got != want {
		t.Errorf("by tags: got %s, want %s", got, want)
	}
	if got, want := names(Settings{InstanceRolePattern: "ecsInstanceRole*", Capabilities: Capabilities{Agent, Config}}), "ecsInstanceRole ecsInstanceRole-reads fleet"; got != want {
		t.Errorf("by the setting: got %s, want %s", got, want)
	}
	a.fail["GetAccountAuthorizationDetails"] = apiError("Throttling", "Rate exceeded")
	if _, err := (Settings{}).ListConfigReaders(t.Context(), a, now); err == nil {
		t.Error("a list that was cut off is taken for whole")
	}
}

func TestLacksForConfig(t *testing.T) {
	const (
		key     = "arn:aws:kms:us-east-1:123456789012:key/0123"
		object  = `"arn:aws:s3:::acme/prod/ecs.config"`
		read    = `{"Effect":"Allow","Action":"s3:GetObject","Resource":` + object + `}`
		decrypt = `{"Effect":"Allow","Action":"kms:Decrypt","Resource":"` + key + `"}`
	)
	tests := map[string]struct {
		inline, boundary, organization string
		key                            string
		want                           string
		// reads says that the role's policies have to be read, refused that a call for
		// them is not allowed.
		reads   bool
		refused string
	}{
		"everything":               {inline: read},
		"nothing":                  {inline: decrypt, want: "s3:GetObject"},
		"another prefix":           {inline: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/dev/*"}`, want: "s3:GetObject"},
		"no key":                   {inline: read, key: key, want: "kms:Decrypt"},
		"the key, too":             {inline: read + "," + decrypt, key: key},
		"denied":                   {inline: read + `,{"Effect":"Deny","Action":"s3:*","Resource":"*"}`, want: "s3:GetObject"},
		"outside its boundary":     {inline: read, boundary: `{"Effect":"Allow","Action":"ecs:*","Resource":"*"}`, want: "s3:GetObject"},
		"outside its organization": {inline: read, organization: `{"Effect":"Allow","Action":"ecs:*","Resource":"*"}`, want: "s3:GetObject"},
		"denied, beside another's condition": {
			inline: read + `,{"Effect":"Deny","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"ssm:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"web"}}}`, want: "s3:GetObject", reads: true,
		},
		"missing, beside another's condition": {
			inline: `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"web"}}}`, want: "s3:GetObject", reads: true,
		},
		"denied but from a network": {inline: read + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}}`, reads: true},
		"outside its boundary, beside a condition": {
			inline: read, boundary: `{"Effect":"Allow","Action":"ecs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`, want: "s3:GetObject", reads: true,
		},
		"its policies can't be read":  {inline: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`, reads: true, refused: "ListAttachedRolePolicies"},
		"on a condition no one knows": {reads: true, inline: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`},
	}
	statements := func(of string) string {
		if of == "" {
			return ""
		}
		return `{"Statement":[` + of + `]}`
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAccount(&storedRole{name: "fleet", trust: ec2Trust, inline: []string{statements(test.inline)}, boundary: statements(test.boundary)})
			a.organization = statements(test.organization)
			role := Role{Name: "fleet", ARN: a.roles["fleet"].arn()}
			if test.boundary != "" {
				role.Boundary = "arn:aws:iam::123456789012:policy/workload-boundary"
			}
			if test.refused != "" {
				a.fail[test.refused] = apiErrorOfClient("AccessDenied", "not authorized")
			}
			lacks, err := LacksForConfig(t.Context(), a, role, ConfigFile{Region: "us-east-1", Bucket: "acme", Key: "prod/ecs.config", KeyARN: test.key}, time.Now())
			if got := strings.Join(lacks, " "); err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if (len(a.calls) != 1) != test.reads {
				t.Errorf("%d calls for one role: %q", len(a.calls), a.calls)
			}
		})
	}
	a := newAccount()
	if _, err := LacksForConfig(t.Context(), a, Role{Name: "gone", ARN: (&storedRole{name: "gone"}).arn()}, ConfigFile{Bucket: "acme", Key: "ecs.config"}, time.Now()); err == nil {
		t.Error("a role that is gone can read")
	}
}
