package taskdef

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// TestImagesAreAskedFor: a credential is given only to images that are private,
// and only one that was seen to work, or that could not be tried.
func TestImagesAreAskedFor(t *testing.T) {
	const (
		hub      = "docker.io"
		shop     = "registry.example.com"
		nginx    = "docker.io/library/nginx:latest"
		acme     = "docker.io/acme/web:1"
		own      = "registry.example.com/web:1"
		missing  = "credential-missing"
		anyone   = ""
		withUser = "u "
	)
	type answers = map[string]registry.Access
	public := func(s *stack) {
		s.secrets.entries[0].Tags = append(s.secrets.entries[0].Tags, secrettypes.Tag{Key: aws.String(TagPublicImages), Value: aws.String("yes")})
	}
	onFargate := func(input *types.TaskDefinition) {
		input.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
	}
	_ = onFargate
	tests := map[string]struct {
		serves  string
		image   string
		answers answers
		change  func(*stack)
		codes   string
		// severity is the first finding's before it is cured; patched says that there
		// is a new revision.
		severity finding.Severity
		patched  bool
	}{
		"private":                          {shop, own, answers{anyone + own: registry.AbsentOrPrivate, withUser + own: registry.Allowed}, nil, missing, finding.Error, true},
		"public":                           {hub, nginx, answers{anyone + nginx: registry.Allowed, withUser + nginx: registry.Allowed}, nil, "image-public", finding.Info, false},
		"public, of the secret's part":     {"docker.io/acme", acme, answers{anyone + acme: registry.Allowed, withUser + acme: registry.Unusable}, nil, "image-public", finding.Info, false},
		"public, and wanted":               {hub, nginx, answers{anyone + nginx: registry.Allowed, withUser + nginx: registry.Allowed}, public, missing, finding.Warning, true},
		"public, wanted, and refused":      {hub, nginx, answers{anyone + nginx: registry.Allowed, withUser + nginx: registry.CredentialRefused}, public, "image-public", finding.Info, false},
		"public, wanted, and no look":      {hub, nginx, answers{anyone + nginx: registry.Allowed, withUser + nginx: registry.Unusable}, public, missing, finding.Warning, true},
		"private, and the credential not":  {shop, own, answers{anyone + own: registry.AbsentOrPrivate, withUser + own: registry.CredentialRefused}, nil, "credential-refused", finding.Error, false},
		"private, and not for the user":    {shop, own, answers{anyone + own: registry.AbsentOrPrivate, withUser + own: registry.Denied}, nil, "image-hidden", finding.Error, false},
		"absent":                           {shop, own, answers{anyone + own: registry.Absent, withUser + own: registry.Absent}, nil, "image-absent", finding.Error, false},
		"absent, as the user sees":         {shop, own, answers{anyone + own: registry.AbsentOrPrivate, withUser + own: registry.Absent}, nil, "image-absent", finding.Error, false},
		"out of reach":                     {shop, own, answers{}, nil, missing, finding.Warning, true},
		"out of reach, a part of the hub":  {"docker.io/acme", acme, answers{}, nil, missing, finding.Warning, true},
		"out of reach, all of the hub":     {hub, acme, answers{}, nil, "image-unchecked", finding.Info, false},
		"a limit, an official image":       {hub, nginx, answers{anyone + nginx: registry.RateLimited, withUser + nginx: registry.Allowed}, nil, "image-unchecked", finding.Info, false},
		"a limit, and it works":            {shop, own, answers{anyone + own: registry.RateLimited, withUser + own: registry.Allowed}, nil, missing, finding.Warning, true},
		"private, the credential unread":   {shop, own, answers{anyone + own: registry.AbsentOrPrivate}, func(s *stack) { s.settings.CheckSecretKeys = false }, missing, finding.Error, true},
		"private, the credential is none":  {shop, own, answers{anyone + own: registry.AbsentOrPrivate}, value(`{"user": 1}`), "secret-keys", finding.Error, false},
		"not served, public":               {"", own, answers{anyone + own: registry.Allowed}, nil, "", "", false},
		"not served, hidden":               {"", own, answers{anyone + own: registry.AbsentOrPrivate}, nil, "registry-not-served", finding.Info, false},
		"not served, hidden on a hub":      {"", acme, answers{anyone + acme: registry.AbsentOrPrivate}, nil, "registry-not-served", finding.Info, false},
		"not served, out of reach":         {"", own, answers{}, nil, "registry-not-served", finding.Info, false},
		"not served, a hub out of reach":   {"", acme, answers{}, nil, "", "", false},
		"not served, absent":               {"", acme, answers{anyone + acme: registry.Absent}, nil, "image-absent", finding.Error, false},
		"a secret that its owner excepted": {shop, own, answers{anyone + own: registry.AbsentOrPrivate}, func(s *stack) { ignoreTag(s) }, "registry-not-served", finding.Info, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var secrets []secrettypes.SecretListEntry
			if test.serves != "" {
				secrets = append(secrets, tagged("shop", test.serves))
			}
			s := newStack(secrets...)
			s.secrets.values = map[string]string{}
			s.asking(test.answers)
			if test.change != nil {
				test.change(s)
			}
			s.ecs.add(registration("app", container("web", strings.TrimSuffix(strings.TrimPrefix(test.image, "docker.io/library/"), ":latest"))))
			s.settings.Mode = finding.DryRun
			result := s.look("app")
			if got := strings.Join(codes(result), " "); got != test.codes {
				t.Fatalf("found %s\n%+v", got, result.Findings)
			}
			if test.severity != "" && result.Findings[0].Severity != test.severity {
				t.Errorf("%+v", result.Findings[0])
			}
			if patched := len(result.Actions) > 0; patched != test.patched {
				t.Errorf("actions %+v", result.Actions)
			}
			if err := findingtest.Check(result); err != nil {
				t.Error(err)
			}
		})
	}
}

func ignoreTag(s *stack) {
	s.secrets.entries[0].Tags = append(s.secrets.entries[0].Tags, secrettypes.Tag{Key: aws.String("ecs-guardrails:ignore"), Value: aws.String("true")})
}

// TestFargateHasNoOtherCredential: an image that is hidden from anyone can't start
// there.
func TestFargateHasNoOtherCredential(t *testing.T) {
	s := newStack()
	s.asking(map[string]registry.Access{"ghcr.io/acme/web:1": registry.AbsentOrPrivate})
	input := registration("app", container("web", "ghcr.io/acme/web:1"))
	input.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
	s.ecs.add(input)
	result := s.look("app")
	wantResult(t, result, finding.Noncompliant, "registry-not-served")
	if result.Findings[0].Severity != finding.Error {
		t.Errorf("%+v", result.Findings)
	}
}

// TestWhatCanBePulledIsRemembered: a definition that needs nothing costs one call
// of AWS and no look at a registry while the function is warm.
func TestWhatCanBePulledIsRemembered(t *testing.T) {
	const own = "registry.example.com/web:1"
	s := newStack(tagged("shop", "registry.example.com"))
	s.asking(map[string]registry.Access{"u " + own: registry.Allowed})
	s.ecs.add(registration("app", withCredential(container("web", own), secretARN("shop"))))
	wantResult(t, s.look("app"), finding.Compliant)
	s.ecs.calls, s.secrets.calls, s.secrets.reads, s.iam.calls, s.registries.asked = nil, 0, nil, nil, nil
	wantResult(t, s.look("app"), finding.Compliant)
	if got := len(s.ecs.calls) + s.secrets.calls + len(s.secrets.reads) + len(s.iam.calls); got != 1 || len(s.registries.asked) > 0 {
		t.Errorf("%v %d %v %v %v", s.ecs.calls, s.secrets.calls, s.secrets.reads, s.iam.calls, s.registries.asked)
	}
	// A host that is out of reach is not waited for again at once.
	s.ecs.add(registration("far", container("a", "far.example.com/a"), container("b", "far.example.com/b")))
	s.look("far")
	s.registries.asked = nil
	s.now = s.now.Add(time.Minute)
	s.look("far")
	if len(s.registries.asked) > 0 {
		t.Errorf("asked %v", s.registries.asked)
	}
	s.now = s.now.Add(pullTTL)
	if s.look("far"); len(s.registries.asked) == 0 {
		t.Error("it was never asked again")
	}
}

// TestANewcomerTakesNothingOver: tagging a secret is not enough to have images
// pulled with it that another one serves.
func TestANewcomerTakesNothingOver(t *testing.T) {
	created := func(entry secrettypes.SecretListEntry, year int) secrettypes.SecretListEntry {
		if year > 0 {
			entry.CreatedDate = aws.Time(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
		}
		return entry
	}
	narrowed := func(entry secrettypes.SecretListEntry, families string) secrettypes.SecretListEntry {
		entry.Tags = append(entry.Tags, secrettypes.Tag{Key: aws.String(TagFamilies), Value: &families})
		return entry
	}
	old := created(tagged("old", "registry.example.com"), 2020)
	for name, test := range map[string]struct {
		entries []secrettypes.SecretListEntry
		before  string
		pattern string
		serves  string
		codes   string
	}{
		"alone":                        {[]secrettypes.SecretListEntry{old}, "", "*", "old", "credential-missing"},
		"an equal tag, later":          {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com"), 2026)}, "", "*", "old", "registry-secret-newcomer credential-missing"},
		"a longer tag, later":          {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com/shop"), 2026)}, "", "*", "old", "registry-secret-newcomer credential-missing"},
		"a longer tag, earlier":        {[]secrettypes.SecretListEntry{old, created(tagged("part", "registry.example.com/shop"), 2019)}, "", "*", "part", "credential-missing"},
		"an older secret, tagged now":  {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com/shop"), 2019)}, "old", "*", "old", "registry-secret-newcomer credential-missing"},
		"an equal tag, with a scheme":  {[]secrettypes.SecretListEntry{old, created(tagged("new", "https://registry.example.com/"), 2026)}, "", "*", "old", "registry-secret-newcomer credential-missing"},
		"an equal tag, as Docker's":    {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com/v2/"), 2026)}, "", "*", "old", "registry-secret-newcomer credential-missing"},
		"an equal tag, in capitals":    {[]secrettypes.SecretListEntry{old, created(tagged("new", " Registry.Example.COM "), 2026)}, "", "*", "old", "registry-secret-newcomer credential-missing"},
		"an equal tag, of a whole":     {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com/*"), 2026)}, "", "*", "old", "registry-secret-newcomer credential-missing"},
		"another port":                 {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com:8443"), 2026)}, "", "*", "old", "credential-missing"},
		"another host, as a user":      {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com@evil.example"), 2026)}, "", "*", "old", "credential-missing"},
		"a path that begins alike":     {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com/sho"), 2026)}, "", "*", "old", "credential-missing"},
		"two newcomers, and longer":    {[]secrettypes.SecretListEntry{old, created(tagged("new", "registry.example.com/shop"), 2026), created(tagged("next", "registry.example.com/shop/web"), 2026)}, "", "*", "old", "registry-secret-newcomer registry-secret-newcomer credential-missing"},
		"not of the pattern":           {[]secrettypes.SecretListEntry{old, created(tagged("evil", "registry.example.com/shop"), 2019)}, "", "o*", "old", "credential-missing"},
		"not for the family":           {[]secrettypes.SecretListEntry{narrowed(old, "other-*"), created(tagged("new", "registry.example.com"), 2026)}, "", "*", "new", "credential-missing"},
		"as old, and longer":           {[]secrettypes.SecretListEntry{tagged("old", "registry.example.com"), tagged("part", "registry.example.com/shop")}, "", "*", "part", "credential-missing"},
		"as old, and equal":            {[]secrettypes.SecretListEntry{tagged("old", "registry.example.com"), tagged("new", "registry.example.com")}, "", "*", "", "registry-secrets-ambiguous"},
		"as old, equal, and one known": {[]secrettypes.SecretListEntry{tagged("old", "registry.example.com"), tagged("new", "registry.example.com")}, "new", "*", "new", "registry-secret-newcomer credential-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(test.entries...)
			s.settings.RegistrySecretPattern = []string{test.pattern}
			if test.before != "" {
				s.ecs.add(registration("app", withCredential(container("web", "registry.example.com/shop/web:1"), secretARN(test.before))))
			}
			s.ecs.add(registration("app", container("web", "registry.example.com/shop/web:2")))
			result := s.look("app")
			if got := strings.Join(codes(result), " "); got != test.codes {
				t.Errorf("found %s\n%+v", got, result.Findings)
			}
			// A secret's age says nothing about when it was tagged, and is not taken for it.
			for _, f := range result.Findings {
				if f.Code == "registry-secret-newcomer" && strings.Contains(f.Message, "the family's last revision") != (test.before != "") {
					t.Errorf("said: %s", f.Message)
				}
			}
			got := credentialOf(s.ecs.find("app").definition.ContainerDefinitions[0])
			if want := secretARN(test.serves); test.serves != "" && got != want || test.serves == "" && got != "" {
				t.Errorf("pulled with %q", got)
			}
		})
	}
}

func TestWhoseDefinitionsAreLeftAlone(t *testing.T) {
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	for name, test := range map[string]struct {
		tags   []types.Tag
		actor  string
		change func(*Settings)
		status finding.Status
		code   string
		says   string
	}{
		"nobody's":                {nil, "", nil, finding.Remediated, "", ""},
		"an ignored family":       {nil, "", func(s *Settings) { s.IgnoredFamilies = []string{"web", "ap*"} }, finding.Skipped, "family-ignored", ""},
		"another ignored family":  {nil, "", func(s *Settings) { s.IgnoredFamilies = []string{"web"} }, finding.Remediated, "", ""},
		"its owner's tag":         {[]types.Tag{tag("ecs-guardrails:ignore", "yes")}, "", nil, finding.Skipped, "family-ignored", ""},
		"its owner's tag says no": {[]types.Tag{tag("ecs-guardrails:ignore", "no")}, "", nil, finding.Remediated, "", ""},
		"Terraform by its agent":  {nil, `"userAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 terraform-provider-aws/5.60"`, nil, finding.Noncompliant, "definition-owned", "container_definitions"},
		"Terraform, all the same": {nil, `"userAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.9.5"`, func(s *Settings) { s.ChangeOwnedResources = All }, finding.Remediated, "", ""},
		"CloudFormation":          {[]types.Tag{tag("aws:cloudformation:stack-name", "shop")}, "", nil, finding.Noncompliant, "definition-owned", "RepositoryCredentials: { CredentialsParameter: "},
		"Batch":                   {nil, `"userAgent": "batch.amazonaws.com", "sourceIPAddress": "batch.amazonaws.com"`, nil, finding.Skipped, "owned-by-service", ""},
		"Copilot":                 {[]types.Tag{tag("copilot-application", "shop")}, "", nil, finding.Noncompliant, "definition-owned", "taskdef_overrides"},
		"the console":             {nil, `"userAgent": "console.amazonaws.com", "sourceIPAddress": "203.0.113.7"`, nil, finding.Remediated, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			if test.change != nil {
				test.change(&s.settings)
			}
			input := registration("app", container("web", "registry.example.com/app"))
			input.Tags = test.tags
			s.ecs.add(input)
			comma := ""
			if test.actor != "" {
				comma = ", "
			}
			report := s.send(fmt.Sprintf(`{"source": "aws.ecs", "detail-type": "AWS API Call via CloudTrail", "id": "1", "time": "2026-03-02T09:14:10Z", "region": "us-east-1", "account": "123456789012",
				"detail": {"eventSource": "ecs.amazonaws.com", "eventName": "RegisterTaskDefinition", "awsRegion": "us-east-1", "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/somebody"},
				"requestParameters": {"family": "app"}, "responseElements": {"taskDefinition": {"taskDefinitionArn": %q}}%s%s}}`, arnOf("app", 1), comma, test.actor))
			result := report.Results[0]
			if result.Status != test.status {
				t.Fatalf("%s %+v", result.Status, result.Findings)
			}
			text := ""
			for _, f := range result.Findings {
				text += f.Code + " " + f.Fix + "\n"
			}
			if !strings.Contains(text, test.code) || !strings.Contains(text, test.says) {
				t.Errorf("%q and %q are not in %s", test.code, test.says, text)
			}
			if registered := len(s.ecs.revisions["app"]) > 1; registered != (test.status == finding.Remediated) {
				t.Errorf("registered: %v", registered)
			}
		})
	}
}
