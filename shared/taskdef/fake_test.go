package taskdef

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

const (
	account  = "123456789012"
	region   = "us-east-1"
	roleARN  = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
	ourRole  = "arn:aws:iam::123456789012:role/guardrails-PatchTaskDefinitionRole-1ABC"
	givenARN = "arn:aws:iam::123456789012:role/guardrails-TaskExecutionRole-2DEF"
)

func arnOf(family string, number int32) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:task-definition/%s:%d", region, account, family, number)
}

func secretARN(name string) string {
	return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-AbCdEf", region, account, name)
}

// fakeECS keeps revisions as ECS does: numbers are never used twice, a family
// alone means its latest active revision.
type fakeECS struct {
	mutex     sync.Mutex
	revisions map[string][]kept
	calls     []string
	// services are in the clusters of their ClusterArn; page is how many ARNs a
	// page of a list has.
	services []types.Service
	page     int
	// tasks are the revisions that a cluster's tasks run, agents the versions on
	// its instances, by its ARN.
	tasks, agents map[string][]string
	// attributes are those of the instances with an agent, by its version.
	attributes map[string][]string
	// providers are their capacity providers.
	providers map[string]string
	// before runs ahead of a call, without the lock, with the call's name.
	before func(operation string) error
	now    time.Time
}

type kept struct {
	definition types.TaskDefinition
	tags       []types.Tag
}

func newFakeECS() *fakeECS {
	return &fakeECS{revisions: map[string][]kept{}, now: time.Date(2026, 3, 2, 9, 14, 7, 0, time.UTC)}
}

func (f *fakeECS) enter(operation string) error {
	if f.before != nil {
		if err := f.before(operation); err != nil {
			return err
		}
	}
	f.mutex.Lock()
	f.calls = append(f.calls, operation)
	return nil
}

func unknownDefinition() error {
	return &smithy.GenericAPIError{Code: "ClientException", Message: "Unable to describe task definition.", Fault: smithy.FaultClient}
}

func (f *fakeECS) find(name string) *kept {
	asked, err := revision.Parse(name)
	if err != nil {
		return nil
	}
	all := f.revisions[asked.Family]
	if asked.Number > 0 {
		if int(asked.Number) > len(all) {
			return nil
		}
		return &all[asked.Number-1]
	}
	for i := range slices.Backward(all) {
		if all[i].definition.Status == types.TaskDefinitionStatusActive {
			return &all[i]
		}
	}
	return nil
}

func (f *fakeECS) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if err := f.enter("DescribeTaskDefinition"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	found := f.find(aws.ToString(input.TaskDefinition))
	if found == nil {
		return nil, unknownDefinition()
	}
	definition := found.definition
	output := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &definition}
	if slices.Contains(input.Include, types.TaskDefinitionFieldTags) {
		output.Tags = slices.Clone(found.tags)
	}
	return output, nil
}

func (f *fakeECS) RegisterTaskDefinition(_ context.Context, input *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := f.enter("RegisterTaskDefinition"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	definition := f.register(input, "arn:aws:sts::123456789012:assumed-role/guardrails-PatchTaskDefinitionRole-1ABC/patch")
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &definition, Tags: input.Tags}, nil
}

// register is for the tests' own registrations, too; the lock is the caller's.
func (f *fakeECS) register(input *ecs.RegisterTaskDefinitionInput, by string) types.TaskDefinition {
	family := aws.ToString(input.Family)
	number := int32(len(f.revisions[family]) + 1)
	definition := described(input)
	definition.Revision = number
	definition.Status = types.TaskDefinitionStatusActive
	definition.TaskDefinitionArn = aws.String(arnOf(family, number))
	definition.RegisteredAt = aws.Time(f.now)
	definition.RegisteredBy = aws.String(by)
	f.revisions[family] = append(f.revisions[family], kept{definition, slices.Clone(input.Tags)})
	return definition
}

// described is what ECS makes of a registration, its own additions aside.
func described(input *ecs.RegisterTaskDefinitionInput) types.TaskDefinition {
	return types.TaskDefinition{
		ContainerDefinitions: input.ContainerDefinitions, Cpu: input.Cpu, EnableFaultInjection: input.EnableFaultInjection,
		EphemeralStorage: input.EphemeralStorage, ExecutionRoleArn: input.ExecutionRoleArn, Family: input.Family,
		//lint:ignore SA1019 old definitions still have it
		InferenceAccelerators: input.InferenceAccelerators, IpcMode: input.IpcMode, Memory: input.Memory,
		NetworkMode: input.NetworkMode, PidMode: input.PidMode, PlacementConstraints: input.PlacementConstraints,
		ProxyConfiguration: input.ProxyConfiguration, RequiresCompatibilities: input.RequiresCompatibilities,
		RuntimePlatform: input.RuntimePlatform, TaskRoleArn: input.TaskRoleArn, Volumes: input.Volumes,
	}
}

func (f *fakeECS) ListTaskDefinitions(_ context.Context, input *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	if err := f.enter("ListTaskDefinitions"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	output := &ecs.ListTaskDefinitionsOutput{}
	for _, of := range slices.Backward(f.revisions[aws.ToString(input.FamilyPrefix)]) {
		if of.definition.Status == input.Status {
			output.TaskDefinitionArns = append(output.TaskDefinitionArns, aws.ToString(of.definition.TaskDefinitionArn))
		}
	}
	return output, nil
}

func (f *fakeECS) DeregisterTaskDefinition(_ context.Context, input *ecs.DeregisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	if err := f.enter("DeregisterTaskDefinition"); err != nil {
		return nil, err
	}
	defer f.mutex.Unlock()
	found := f.find(aws.ToString(input.TaskDefinition))
	if found == nil {
		return nil, unknownDefinition()
	}
	found.definition.Status = types.TaskDefinitionStatusInactive
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &found.definition}, nil
}

// add registers a definition as somebody else would, past the counting.
func (f *fakeECS) add(input *ecs.RegisterTaskDefinitionInput) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.register(input, "arn:aws:iam::123456789012:user/somebody")
}

// fakeSecrets has the tagged secrets, one to a page.
type fakeSecrets struct {
	mutex   sync.Mutex
	entries []secrettypes.SecretListEntry
	calls   int
	err     error
	// values are by ARN; a tagged secret without one has the right keys.
	values map[string]string
	// untagged are by name or ARN.
	untagged map[string]secrettypes.SecretListEntry
	reads    []string
	readErr  error
	// policies are the secrets' own, by ARN; puts counts their changes.
	policies  map[string]string
	policyErr error
	puts      int
	// overwritten has another writer undo each change at once.
	overwritten bool
}

func (f *fakeSecrets) DescribeSecret(_ context.Context, input *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.reads = append(f.reads, "DescribeSecret")
	if f.readErr != nil {
		return nil, f.readErr
	}
	if f.untagged == nil {
		return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
	}
	entry, ok := f.untagged[aws.ToString(input.SecretId)]
	if !ok {
		return nil, &secrettypes.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
	}
	return &secretsmanager.DescribeSecretOutput{ARN: entry.ARN, Name: entry.Name, Tags: entry.Tags, KmsKeyId: entry.KmsKeyId, DeletedDate: entry.DeletedDate}, nil
}

func (f *fakeSecrets) GetSecretValue(_ context.Context, input *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.reads = append(f.reads, "GetSecretValue")
	if f.readErr != nil {
		return nil, f.readErr
	}
	value, ok := f.values[aws.ToString(input.SecretId)]
	switch {
	case !ok:
		value = `{"username":"u","password":"canary-pw-7Q"}`
	case value == "":
		return nil, &secrettypes.ResourceNotFoundException{Message: aws.String("can't find the specified secret value for staging label: AWSCURRENT")}
	case value == "binary":
		return &secretsmanager.GetSecretValueOutput{SecretBinary: []byte("canary-pw-7Q")}, nil
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &value}, nil
}

func (f *fakeSecrets) GetResourcePolicy(_ context.Context, input *secretsmanager.GetResourcePolicyInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.reads = append(f.reads, "GetResourcePolicy")
	if f.policyErr != nil {
		return nil, f.policyErr
	}
	output := &secretsmanager.GetResourcePolicyOutput{}
	if policy, ok := f.policies[aws.ToString(input.SecretId)]; ok {
		output.ResourcePolicy = &policy
	}
	return output, nil
}

func (f *fakeSecrets) PutResourcePolicy(_ context.Context, input *secretsmanager.PutResourcePolicyInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutResourcePolicyOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if !aws.ToBool(input.BlockPublicPolicy) || !json.Valid([]byte(aws.ToString(input.ResourcePolicy))) {
		return nil, &secrettypes.MalformedPolicyDocumentException{Message: aws.String("no")}
	}
	if f.policies == nil {
		f.policies = map[string]string{}
	}
	f.puts++
	if f.overwritten {
		return &secretsmanager.PutResourcePolicyOutput{}, nil
	}
	f.policies[aws.ToString(input.SecretId)] = aws.ToString(input.ResourcePolicy)
	return &secretsmanager.PutResourcePolicyOutput{}, nil
}

func tagged(name, registry string) secrettypes.SecretListEntry {
	return secrettypes.SecretListEntry{
		ARN: aws.String(secretARN(name)), Name: aws.String(name),
		Tags: []secrettypes.Tag{{Key: aws.String(TagRegistry), Value: aws.String(registry)}},
	}
}

func (f *fakeSecrets) ListSecrets(_ context.Context, input *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if input.NextToken == nil {
		f.calls++
	}
	if f.err != nil {
		return nil, f.err
	}
	at := 0
	if input.NextToken != nil {
		if _, err := fmt.Sscan(*input.NextToken, &at); err != nil {
			return nil, err
		}
	}
	output := &secretsmanager.ListSecretsOutput{}
	if at < len(f.entries) {
		output.SecretList = f.entries[at : at+1]
	}
	if at+1 < len(f.entries) {
		output.NextToken = aws.String(fmt.Sprint(at + 1))
	}
	return output, nil
}

// fakeIAM has roles that may do what their patterns allow. A role that no one
// made is there, and may do everything.
type fakeIAM struct {
	mutex sync.Mutex
	roles map[string]*fakeRole
	calls []string
	err   error
	// policiesErr is the answer to who asks for a role's policies.
	policiesErr error
	// attaching gives a policy's patterns to the role.
	policies map[string][]string
}

type fakeRole struct {
	missing bool
	trust   string
	tags    map[string]string
	// may and denied are "action resource", with * in both, or "action resource
	// key=value", or "key!=value", for what depends on a context key.
	may, denied []string
	// boundary denies everything, and so does organization, but for what a condition
	// allows that the simulator doesn't tell.
	boundary, organization bool
	// boundaryARN is the permissions boundary that GetRole returns.
	boundaryARN string
}

const trustsECS = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func (f *fakeIAM) role(arn string) (*fakeRole, error) {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	role, ok := f.roles[name]
	if !ok {
		role = &fakeRole{trust: trustsECS, may: []string{"* *"}}
	}
	if role.missing {
		return nil, &iamtypes.NoSuchEntityException{Message: aws.String(name)}
	}
	return role, f.err
}

func (f *fakeIAM) GetRole(_ context.Context, input *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls = append(f.calls, "GetRole")
	role, err := f.role(aws.ToString(input.RoleName))
	if err != nil {
		return nil, err
	}
	output := &iam.GetRoleOutput{Role: &iamtypes.Role{RoleName: input.RoleName, AssumeRolePolicyDocument: aws.String(url.PathEscape(role.trust))}}
	if role.boundaryARN != "" {
		output.Role.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: &role.boundaryARN}
	}
	for key, value := range role.tags {
		output.Role.Tags = append(output.Role.Tags, iamtypes.Tag{Key: &key, Value: &value})
	}
	return output, nil
}

func (f *fakeIAM) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls = append(f.calls, "SimulatePrincipalPolicy")
	role, err := f.role(aws.ToString(input.PolicySourceArn))
	if err != nil {
		return nil, err
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range input.ActionNames {
		for _, resource := range input.ResourceArns {
			matches := func(pattern string) bool {
				parts := strings.Fields(pattern)
				return wild(parts[0], action) && wild(parts[1], resource) && (len(parts) == 2 || told(input, parts[2]))
			}
			decision := iamtypes.PolicyEvaluationDecisionTypeImplicitDeny
			if slices.ContainsFunc(role.may, matches) {
				decision = iamtypes.PolicyEvaluationDecisionTypeAllowed
			}
			if slices.ContainsFunc(role.denied, matches) {
				decision = iamtypes.PolicyEvaluationDecisionTypeExplicitDeny
			}
			result := iamtypes.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: decision}
			for _, pattern := range slices.Concat(role.may, role.denied) {
				if parts := strings.Fields(pattern); len(parts) == 3 {
					key, _, _ := strings.Cut(parts[2], "=")
					if key = strings.TrimSuffix(key, "!"); !told(input, key) && !slices.Contains(result.MissingContextValues, key) {
						result.MissingContextValues = append(result.MissingContextValues, key)
					}
				}
			}
			if role.boundary {
				result.PermissionsBoundaryDecisionDetail = &iamtypes.PermissionsBoundaryDecisionDetail{}
			}
			if role.organization && len(input.PolicyExclusionList) == 0 {
				result.EvalDecision = iamtypes.PolicyEvaluationDecisionTypeImplicitDeny
				result.OrganizationsDecisionDetail = &iamtypes.OrganizationsDecisionDetail{}
			}
			output.EvaluationResults = append(output.EvaluationResults, result)
		}
	}
	return output, nil
}

func (f *fakeIAM) ListAttachedRolePolicies(_ context.Context, input *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls = append(f.calls, "ListAttachedRolePolicies")
	if f.policiesErr != nil {
		return nil, f.policiesErr
	}
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: []iamtypes.AttachedPolicy{{PolicyArn: aws.String("arn:aws:iam::123456789012:policy/" + aws.ToString(input.RoleName))}}}, nil
}

func (f *fakeIAM) ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	return &iam.ListRolePoliciesOutput{}, nil
}

func (f *fakeIAM) GetRolePolicy(_ context.Context, input *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	return nil, &iamtypes.NoSuchEntityException{Message: input.PolicyName}
}

func (f *fakeIAM) GetPolicy(_ context.Context, input *iam.GetPolicyInput, _ ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	return &iam.GetPolicyOutput{Policy: &iamtypes.Policy{Arn: input.PolicyArn, DefaultVersionId: aws.String("v1")}}, nil
}

func (f *fakeIAM) GetPolicyVersion(_ context.Context, input *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	role, err := f.role(aws.ToString(input.PolicyArn))
	if err != nil {
		return nil, err
	}
	return &iam.GetPolicyVersionOutput{PolicyVersion: &iamtypes.PolicyVersion{Document: aws.String(url.PathEscape(role.document()))}}, nil
}

// document is the role's policy as IAM would store it.
func (r *fakeRole) document() string {
	statements := []map[string]any{}
	add := func(effect string, patterns []string) {
		for _, pattern := range patterns {
			parts := strings.Fields(pattern)
			statement := map[string]any{"Effect": effect, "Action": parts[0], "Resource": parts[1]}
			if len(parts) == 3 {
				key, value, _ := strings.Cut(parts[2], "=")
				operator := "StringEquals"
				if strings.HasSuffix(key, "!") {
					operator = "StringNotEquals"
				}
				statement["Condition"] = map[string]any{operator: map[string]string{strings.TrimSuffix(key, "!"): value}}
			}
			statements = append(statements, statement)
		}
	}
	add("Allow", r.may)
	add("Deny", r.denied)
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// told reports whether a simulation gets a context key, with a value where
// one is asked for.
func told(input *iam.SimulatePrincipalPolicyInput, condition string) bool {
	key, value, asked := strings.Cut(condition, "=")
	if negated, is := strings.CutSuffix(key, "!"); is {
		return !told(input, negated+"="+value)
	}
	return slices.ContainsFunc(input.ContextEntries, func(entry iamtypes.ContextEntry) bool {
		return aws.ToString(entry.ContextKeyName) == key && (!asked || slices.Contains(entry.ContextKeyValues, value))
	})
}

func (f *fakeIAM) AttachRolePolicy(_ context.Context, input *iam.AttachRolePolicyInput, _ ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls = append(f.calls, "AttachRolePolicy")
	role, err := f.role(aws.ToString(input.RoleName))
	if err != nil {
		return nil, err
	}
	role.may = append(role.may, f.policies[aws.ToString(input.PolicyArn)]...)
	return &iam.AttachRolePolicyOutput{}, nil
}

// wild matches with * for any characters, and ? for one.
func wild(pattern, text string) bool {
	return regexp.MustCompile("^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern)) + "$").MatchString(text)
}

// stack is the whole function on fakes.
type stack struct {
	ecs      *fakeECS
	iam      *fakeIAM
	bus      *fakeBus
	objects  *fakeObjects
	files    *FileObserver
	roles    *RoleObserver
	named    *SecretObserver
	secrets  *fakeSecrets
	settings Settings
	now      time.Time
	list     *SecretList
	// registries answers for registries; nil where they are not asked.
	registries *fakeRegistries
	images     *ImageObserver
}

func newStack(secrets ...secrettypes.SecretListEntry) *stack {
	s := &stack{
		ecs:     newFakeECS(),
		bus:     &fakeBus{rules: map[rule][]eventtypes.Target{}, schedules: map[string]*schedulertypes.Target{}},
		iam:     &fakeIAM{roles: map[string]*fakeRole{}, policies: map[string][]string{}},
		secrets: &fakeSecrets{entries: secrets},
		settings: Settings{
			Shared: settings.Shared{Mode: finding.Enforce, OwnRoles: []string{ourRole}}, ChangeOwnedResources: Roles,
			RegistrySecretPattern: []string{"*"}, CureExecutionRoles: true,
		},
		now: time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC),
	}
	s.list = NewSecretList(s.secrets, func() time.Time { return s.now })
	s.settings.CheckSecretKeys = true
	s.objects = &fakeObjects{}
	s.files = NewFileObserver(s.objects, func() time.Time { return s.now })
	s.named = NewSecretObserver(s.secrets, func() time.Time { return s.now })
	s.roles = NewRoleObserver(s.iam, func() time.Time { return s.now })
	return s
}

func (s *stack) send(payload string) finding.Report {
	function := assemble(s.settings,
		Observer{Definitions: s.ecs, Uses: taskuse.Reader{Services: s.ecs, Tasks: s.ecs, Rules: s.bus, Schedules: s.bus, Bounds: useBounds}, Instances: s.ecs,
			Secrets: s.list, Named: s.named, Roles: s.roles, Files: s.files, Images: s.images, Region: region, Now: func() time.Time { return s.now }},
		Applier{Definitions: s.ecs, Roles: s.iam, Grants: NewGranter(s.secrets, 0), Services: NewServiceMover(s.ecs)})
	report := function.Handle(context.Background(), []byte(payload)).Report()
	for _, result := range report.Results {
		findingtest.Saw(result.Findings...)
	}
	return report
}

// look sends a request by hand and gives its one result.
func (s *stack) look(name string) finding.Result {
	return s.send(fmt.Sprintf(`{"taskDefinition": %q}`, name)).Results[0]
}

// container is a small one.
func container(name, image string) types.ContainerDefinition {
	return types.ContainerDefinition{Name: aws.String(name), Image: aws.String(image), Essential: aws.Bool(true), Memory: aws.Int32(128)}
}

// withCredential gives a container a credential.
func withCredential(of types.ContainerDefinition, parameter string) types.ContainerDefinition {
	of.RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: aws.String(parameter)}
	return of
}

// registration is a small one with an execution role.
func registration(family string, containers ...types.ContainerDefinition) *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		Family: aws.String(family), ExecutionRoleArn: aws.String(roleARN), ContainerDefinitions: containers,
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
	}
}
