package sweep

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// registryTag is the tag of the secrets that serve a registry.
const registryTag = "ecs-guardrails:registry"

// describesSideBySide bounds the calls for single definitions and secrets: ECS
// throttles DescribeTaskDefinition for the account as a whole.
const describesSideBySide = 8

// Dependents are what depends on the stack, as the account's lists show it.
type Dependents struct {
	// Loans are the policies that the stack attached and that are still attached, by
	// the names of the roles.
	Loans map[string][]string
	// Rotations are the ARNs of secrets whose rotation is the stack's function.
	Rotations []string
	// Rotating are those of which a rotation is under way: to cut it off could leave
	// the registry with another password than the secret.
	Rotating []string
	// Grants are what the stack's statement in a secret's resource policy allows, by
	// the secrets' ARNs.
	Grants map[string]Grant
	// Revisions are the ARNs of the latest revisions of families that have the
	// stack's execution role.
	Revisions []string
	// Files counts the objects in the stack's config bucket; More says that there are
	// more.
	Files int
	More  bool
	// Unknown are lists that could not be read, each with AWS's error code.
	Unknown []string
}

// Grant is the stack's statement in a secret's resource policy.
type Grant struct {
	// Roles are the ARNs of those that it lets read the secret.
	Roles []string
	// Alone says that the policy has no other statement.
	Alone bool
}

// leaver reads and lets go of what depends on the stack.
type leaver struct {
	settings Settings
	clients  Clients
	mutex    sync.Mutex
	found    Dependents
}

// Departure is the part of the clients that only leaving needs.
type Departure interface {
	GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error)
	CancelRotateSecret(context.Context, *secretsmanager.CancelRotateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CancelRotateSecretOutput, error)
}

// Definitions is the part of ECS's client that describes a definition.
type Definitions interface {
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// leave answers {"leave": true}: it lists what depends on the stack, and takes
// back what would break without it.
func (s *Sweep) leave(ctx context.Context, dryRun bool) pipeline.Outcome {
	mode := s.settings.Mode
	if dryRun {
		mode = finding.DryRun
	}
	l := &leaver{settings: s.settings, clients: s.clients, found: Dependents{Loans: map[string][]string{}, Grants: map[string]Grant{}}}
	if err := l.observe(ctx); err != nil {
		return s.outcome(mode, pipeline.Attempt(Name, "leave", func() (finding.Result, error) { return finding.Result{}, err }))
	}
	var entries []pipeline.Entry
	for _, planned := range s.settings.planLeave(l.found, s.clients.Region) {
		entries = append(entries, pipeline.Attempt(Name, planned.Subject, func() (finding.Result, error) {
			return s.letGo(ctx, mode, planned)
		}))
	}
	return s.outcome(mode, entries...)
}

// letGo carries out the plan for one dependent.
func (s *Sweep) letGo(ctx context.Context, mode finding.Mode, planned finding.Result) (finding.Result, error) {
	for i, action := range planned.Actions {
		if mode == finding.DryRun {
			continue
		}
		_, err := s.clients.Departure.CancelRotateSecret(ctx, &secretsmanager.CancelRotateSecretInput{SecretId: aws.String(action.Target)})
		if err != nil && !awserror.HasCode(err, "ResourceNotFoundException") {
			return planned, fmt.Errorf("turn off the rotation of %s: %w", action.Target, err)
		}
		planned.Actions[i].Applied = true
	}
	planned.Status = finding.Decide(mode, planned.Findings, planned.Actions)
	return planned, nil
}

// observe reads the lists side by side.
func (l *leaver) observe(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for what, read := range map[string]func(context.Context) error{
		"roles": l.roles, "secrets": l.secrets, "task definitions": l.revisions, "the config bucket": l.files,
	} {
		group.Go(func() error {
			err := read(ctx)
			if err == nil || awserror.Classify(err) == awserror.Transient {
				return err
			}
			l.note(func(found *Dependents) {
				found.Unknown = append(found.Unknown, fmt.Sprintf("%s (%s)", what, awserror.Code(err)))
			})
			return nil
		})
	}
	return group.Wait()
}

func (l *leaver) note(write func(*Dependents)) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	write(&l.found)
}

func (l *leaver) roles(ctx context.Context) error {
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(l.clients.Roles, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []iamtypes.EntityType{iamtypes.EntityTypeRole}, MaxItems: aws.Int32(rolesPage),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the roles: %w", err)
		}
		for _, role := range page.RoleDetailList {
			var lent []string
			for _, policy := range l.settings.Lent(role) {
				lent = append(lent, string(policy))
			}
			if len(lent) > 0 {
				l.note(func(found *Dependents) { found.Loans[aws.ToString(role.RoleName)] = lent })
			}
		}
	}
	return nil
}

// secrets lists those that a driver or a registry is named for, one tag after the
// other.
func (l *leaver) secrets(ctx context.Context) error {
	return withReads(ctx, l.eachSecret)
}

// withReads runs a list that starts a read for each of its items, and waits for
// the reads also where the list ends early.
func withReads(ctx context.Context, list func(context.Context, *errgroup.Group) error) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(describesSideBySide)
	listed := list(within, group)
	read := group.Wait()
	// A read that failed has ended the list, too.
	return cmp.Or(read, listed)
}

func (l *leaver) eachSecret(ctx context.Context, group *errgroup.Group) error {
	for _, tag := range []string{driverTag, registryTag} {
		pages := secretsmanager.NewListSecretsPaginator(l.clients.Secrets, &secretsmanager.ListSecretsInput{
			MaxResults: aws.Int32(secretsPage), Filters: []secretstypes.Filter{{Key: secretstypes.FilterNameStringTypeTagKey, Values: []string{tag}}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list the secrets: %w", err)
			}
			for _, secret := range page.SecretList {
				if !tagged(secret, tag) {
					continue
				}
				if tag == driverTag {
					l.noteRotation(secret)
				} else {
					group.Go(func() error { return l.readGrant(ctx, aws.ToString(secret.ARN)) })
				}
			}
		}
	}
	return nil
}

// tagged reports whether a secret has the very tag: the list's filter compares
// prefixes.
func tagged(secret secretstypes.SecretListEntry, key string) bool {
	return slices.ContainsFunc(secret.Tags, func(tag secretstypes.Tag) bool { return aws.ToString(tag.Key) == key })
}

func (l *leaver) noteRotation(secret secretstypes.SecretListEntry) {
	if !l.settings.rotates(secret) {
		return
	}
	l.note(func(found *Dependents) {
		if underWay(secret.SecretVersionsToStages) {
			found.Rotating = append(found.Rotating, aws.ToString(secret.ARN))
		} else {
			found.Rotations = append(found.Rotations, aws.ToString(secret.ARN))
		}
	})
}

// readGrant looks for our statement in a secret's resource policy.
func (l *leaver) readGrant(ctx context.Context, secret string) error {
	output, err := l.clients.Departure.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &secret})
	if err != nil {
		return fmt.Errorf("read the resource policy of %s: %w", secret, err)
	}
	if roles, alone := taskdef.GrantedRoles(aws.ToString(output.ResourcePolicy)); len(roles) > 0 {
		l.note(func(found *Dependents) { found.Grants[secret] = Grant{roles, alone} })
	}
	return nil
}

// rotates reports whether a secret rotates by the stack's function, whatever
// version or alias of it.
func (s Settings) rotates(secret secretstypes.SecretListEntry) bool {
	function := aws.ToString(secret.RotationLambdaARN)
	return s.RotateSecretARN != "" && aws.ToBool(secret.RotationEnabled) && (function == s.RotateSecretARN || strings.HasPrefix(function, s.RotateSecretARN+":"))
}

// underWay reports whether a version waits to become the current one.
func underWay(versions map[string][]string) bool {
	for _, stages := range versions {
		if slices.Contains(stages, "AWSPENDING") && !slices.Contains(stages, "AWSCURRENT") {
			return true
		}
	}
	return false
}

// revisions describes the latest revision of each family: what its services and
// schedules start next.
func (l *leaver) revisions(ctx context.Context) error {
	if l.settings.ExecutionRoleARN == "" {
		return nil
	}
	return withReads(ctx, l.eachFamily)
}

func (l *leaver) eachFamily(ctx context.Context, group *errgroup.Group) error {
	pages := ecs.NewListTaskDefinitionFamiliesPaginator(l.clients.Families, &ecs.ListTaskDefinitionFamiliesInput{Status: "ACTIVE", MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the families of task definitions: %w", err)
		}
		for _, family := range page.Families {
			group.Go(func() error {
				output, err := l.clients.Definitions.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
				if err != nil || output.TaskDefinition == nil {
					if awserror.Classify(err) == awserror.Gone || awserror.HasCode(err, "ClientException") {
						return nil
					}
					return fmt.Errorf("describe the task definition %s: %w", family, err)
				}
				if aws.ToString(output.TaskDefinition.ExecutionRoleArn) == l.settings.ExecutionRoleARN {
					l.note(func(found *Dependents) {
						found.Revisions = append(found.Revisions, aws.ToString(output.TaskDefinition.TaskDefinitionArn))
					})
				}
				return nil
			})
		}
	}
	return nil
}

func (l *leaver) files(ctx context.Context) error {
	if l.settings.ConfigBucket == "" {
		return nil
	}
	output, err := l.clients.Storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &l.settings.ConfigBucket, MaxKeys: aws.Int32(objectsPage)})
	if err != nil {
		return fmt.Errorf("list the objects of %s: %w", l.settings.ConfigBucket, err)
	}
	l.note(func(found *Dependents) {
		found.Files, found.More = len(output.Contents), aws.ToBool(output.IsTruncated)
	})
	return nil
}

// planLeave says what happens to each dependent when the stack is deleted. Only
// rotations would break, so only they are taken back: policies, roles and buckets
// that others use stay when the stack is deleted.
func (s Settings) planLeave(found Dependents, region string) []finding.Result {
	var results []finding.Result
	add := func(subject string, actions []finding.Action, f finding.Finding) {
		results = append(results, finding.Result{Subject: subject, Findings: []finding.Finding{f}, Actions: actions})
	}
	for _, role := range slices.Sorted(maps.Keys(found.Loans)) {
		policies := found.Loans[role]
		add("role/"+role, nil, loanStays.With(finding.Names("policies", ends(policies)), finding.Name("role", role), finding.Argument("name", role), finding.Arguments("arns", policies)))
	}
	for _, secret := range slices.Sorted(slices.Values(found.Rotations)) {
		bound := rotationBound.With(finding.Name("secret", secret), finding.Words("region", region), finding.Argument("id", secret))
		bound.Cured = true
		add(secret, []finding.Action{{
			Kind: "CancelRotateSecret", Target: secret, Summary: "turn its rotation off; the current value stays",
			Mandate: finding.Mandate{Kind: finding.ByInvoker, Text: "leaving was asked for in an invocation"},
		}}, bound)
	}
	for _, secret := range slices.Sorted(slices.Values(found.Rotating)) {
		add(secret, nil, rotationRunning.With(finding.Name("secret", secret)))
	}
	for _, secret := range slices.Sorted(maps.Keys(found.Grants)) {
		grant := found.Grants[secret]
		stays := grantStays
		if !grant.Alone {
			stays = grantStaysBesideOthers
		}
		add(secret+"#policy", nil, stays.With(finding.Names("roles", ends(grant.Roles)), finding.Words("region", region), finding.Argument("id", secret)))
	}
	for _, revision := range slices.Sorted(slices.Values(found.Revisions)) {
		add(revision, nil, roleStays.With(finding.Name("role", s.ExecutionRoleARN)))
	}
	if found.Files > 0 {
		count := finding.Count("count", found.Files, "object", "objects")
		if found.More {
			count = finding.Words("count", fmt.Sprintf("more than %d objects", found.Files))
		}
		add("s3://"+s.ConfigBucket, nil, bucketStays.With(count))
	}
	summary := readyToLeave.With(
		finding.Count("roles", len(found.Loans), "role keeps its policies", "roles keep their policies"),
		finding.Count("grants", len(found.Grants), "secret keeps its grant", "secrets keep their grant"),
		finding.Count("families", len(found.Revisions), "task definition keeps the execution role", "task definitions keep the execution role"),
		finding.Count("rotations", len(found.Rotations), "secret", "secrets"))
	if len(found.Rotating) > 0 {
		summary = leaveRotating.With(finding.Count("rotating", len(found.Rotating), "secret is being rotated", "secrets are being rotated"))
	}
	if len(found.Unknown) > 0 {
		slices.Sort(found.Unknown)
		summary = leaveUnknown.With(finding.Words("missing", strings.Join(found.Unknown, ", ")))
	}
	return append(results, finding.Result{Subject: "leave", Findings: []finding.Finding{summary}})
}

// ends lists the ends of ARNs: the names of policies and roles.
func ends(arns []string) []string {
	short := make([]string, len(arns))
	for i, text := range arns {
		short[i] = text
		if parsed, err := arn.Parse(text); err == nil {
			short[i] = parsed.Resource[strings.LastIndexByte(parsed.Resource, '/')+1:]
		}
	}
	return short
}
