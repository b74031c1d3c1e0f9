package taskdef

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

const (
	roleName  = "ecsTaskExecutionRole"
	customKey = "arn:aws:kms:us-east-1:123456789012:key/0b0c7f4e-6a6a-4f0e-9d5c-5d8f3a1e2b44"
)

func TestExecutionRoleAccess(t *testing.T) {
	private := container("web", "registry.example.com/app")
	fargate := func(of *ecs.RegisterTaskDefinitionInput) {
		of.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
		of.ContainerDefinitions[0].Image = aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")
		of.ContainerDefinitions[0].LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": "/ecs/app", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs", "awslogs-create-group": "true",
		}}
	}
	tests := map[string]struct {
		role    fakeRole
		arrange func(*ecs.RegisterTaskDefinitionInput)
		change  func(*stack)
		status  finding.Status
		codes   []string
		says    string
	}{
		"it may do all":       {role: fakeRole{trust: trustsECS, may: []string{"* *"}}, status: finding.Remediated, codes: []string{"credential-missing"}},
		"just what is needed": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:GetSecretValue " + secretARN("shop")}}, status: finding.Remediated, codes: []string{"credential-missing"}},
		"it does not exist":   {role: fakeRole{missing: true}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-gone"}, says: roleARN},
		"it trusts EC2 only":  {role: fakeRole{trust: strings.Replace(trustsECS, "ecs-tasks", "ec2", 1), may: []string{"* *"}}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-trust"}},
		"it may not read it":  {role: fakeRole{trust: trustsECS}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-secret"}, says: "read the secret shop"},
		"a policy denies it":  {role: fakeRole{trust: trustsECS, may: []string{"* *"}, denied: []string{"secretsmanager:* *"}}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-secret"}, says: "A policy denies it"},
		"a boundary forbids":  {role: fakeRole{trust: trustsECS, may: []string{"* *"}, boundary: true}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-secret"}, says: "a boundary"},
		"we may not ask":      {change: func(s *stack) { s.iam.err = &smithy.GenericAPIError{Code: "AccessDenied"} }, status: finding.Remediated, codes: []string{"credential-missing", "execution-role-unchecked"}, says: "AccessDenied"},
		"IAM is busy":         {change: func(s *stack) { s.iam.err = &smithy.GenericAPIError{Code: "Throttling"} }, status: finding.Failed, codes: []string{"call-retried"}},
		"a role of elsewhere": {arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ExecutionRoleArn = aws.String("arn:aws:iam::999999999999:role/x")
		}, status: finding.Remediated, codes: []string{"credential-missing", "execution-role-unchecked"}},
		"the task role has it": {role: fakeRole{trust: trustsECS}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.TaskRoleArn = aws.String("arn:aws:iam::123456789012:role/app")
		}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-secret"}, says: "The task role arn:aws:iam::123456789012:role/app may"},
		"the key":                            {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *"}}, change: func(s *stack) { s.secrets.entries[0].KmsKeyId = aws.String(customKey) }, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-key"}, says: "its key"},
		"the key by its id":                  {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *"}}, change: func(s *stack) { s.secrets.entries[0].KmsKeyId = aws.String("0b0c7f4e-6a6a-4f0e-9d5c-5d8f3a1e2b44") }, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-key"}},
		"AWS's own key":                      {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *"}}, change: func(s *stack) { s.secrets.entries[0].KmsKeyId = aws.String("alias/aws/secretsmanager") }, status: finding.Remediated, codes: []string{"credential-missing"}},
		"logs and ECR on Fargate":            {role: fakeRole{trust: trustsECS}, arrange: fargate, status: finding.Noncompliant, codes: []string{"execution-role-logs", "execution-role-ecr"}, says: "create the log group /ecs/app"},
		"AWS's managed policy, no log group": {role: fakeRole{trust: trustsECS, may: []string{"ecr:* *", "logs:CreateLogStream *", "logs:PutLogEvents *"}}, arrange: fargate, status: finding.Noncompliant, codes: []string{"execution-role-logs"}, says: "logs:CreateLogGroup"},
		"environment files": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *", "s3:GetObject *"}}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ContainerDefinitions[0].EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::acme-env/app/prod.env")}}
		}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-environment-file"}, says: "s3:GetBucketLocation on arn:aws:s3:::acme-env"},
		"the FireLens configuration": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *"}}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ContainerDefinitions[0].FirelensConfiguration = &types.FirelensConfiguration{Type: types.FirelensConfigurationTypeFluentbit, Options: map[string]string{
				"config-file-type": "s3", "config-file-value": "arn:aws:s3:::acme-logs/fluent-bit.conf",
			}}
		}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-environment-file"}, says: "read the FireLens configuration fluent-bit.conf"},
		"credentials of a domain": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:GetSecretValue " + secretARN("shop")}}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ContainerDefinitions[0].CredentialSpecs = []string{"credentialspecdomainless:arn:aws:ssm:us-east-1:123456789012:parameter/gmsa"}
			of.Volumes = []types.Volume{{Name: aws.String("share"), FsxWindowsFileServerVolumeConfiguration: &types.FSxWindowsFileServerVolumeConfiguration{
				FileSystemId: aws.String("fs-0"), RootDirectory: aws.String("share"),
				AuthorizationConfig: &types.FSxWindowsFileServerAuthorizationConfig{CredentialsParameter: aws.String(secretARN("domain")), Domain: aws.String("example.com")},
			}}}
		}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-secret"}, says: "read the secret domain-AbCdEf, nor read the parameter/gmsa"},
		"a credential spec in S3": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *"}}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ContainerDefinitions[0].CredentialSpecs = []string{"credentialspec:arn:aws:s3:::acme-gmsa/spec.json"}
		}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-environment-file"}, says: "s3:GetObject on arn:aws:s3:::acme-gmsa/spec.json"},
		"a credential spec on the instance": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:* *"}}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ContainerDefinitions[0].CredentialSpecs = []string{"credentialspec:file://spec.json"}
		}, status: finding.Remediated, codes: []string{"credential-missing"}},
		"logs and ECR on external instances": {role: fakeRole{trust: trustsECS}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			fargate(of)
			of.RequiresCompatibilities = []types.Compatibility{types.CompatibilityExternal}
		}, status: finding.Noncompliant, codes: []string{"execution-role-logs", "execution-role-ecr"}, says: "log in to Amazon ECR"},
		"secrets and parameters": {role: fakeRole{trust: trustsECS, may: []string{"secretsmanager:GetSecretValue " + secretARN("shop")}}, arrange: func(of *ecs.RegisterTaskDefinitionInput) {
			of.ContainerDefinitions[0].Secrets = []types.Secret{
				{Name: aws.String("A"), ValueFrom: aws.String(secretARN("db") + ":password::")},
				{Name: aws.String("B"), ValueFrom: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter/b")},
				{Name: aws.String("C"), ValueFrom: aws.String("/team/c")},
			}
		}, status: finding.Noncompliant, codes: []string{"credential-missing", "execution-role-secret"}, says: "ssm:GetParameters on arn:aws:ssm:us-east-1:123456789012:parameter/team/c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			s.settings.CureExecutionRoles = false
			if test.change != nil {
				test.change(s)
			}
			if test.role.trust != "" || test.role.missing {
				s.iam.roles[roleName] = &test.role
			}
			input := registration("app", private)
			if test.arrange != nil {
				test.arrange(input)
			}
			s.ecs.add(input)
			result := s.look("app")
			wantResult(t, result, test.status, test.codes...)
			last := result.Findings[len(result.Findings)-1]
			if text := last.Message + " " + last.Fix; !strings.Contains(text, test.says) {
				all := ""
				for _, f := range result.Findings {
					all += f.Message + " " + f.Fix + "\n"
				}
				if !strings.Contains(all, test.says) {
					t.Errorf("%q is not said in\n%s", test.says, all)
				}
			}
		})
	}
}

// TestSecretsByLessThanTheirARN: ECS takes a secret without the six characters
// at the end of its ARN, and policies have to match the whole ARN.
func TestSecretsByLessThanTheirARN(t *testing.T) {
	const db = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db"
	known := func(s *stack, name string, tags ...secrettypes.Tag) {
		entry := secrettypes.SecretListEntry{ARN: aws.String(name + "-Xy12Zz"), Name: aws.String("prod/db"), Tags: tags}
		s.secrets.untagged = map[string]secrettypes.SecretListEntry{name: entry, name + "-Xy12Zz": entry}
	}
	tests := map[string]struct {
		named, may string
		change     func(*stack)
		codes      []string
		describes  int
	}{
		"any characters, as CDK writes it": {named: db, may: "secretsmanager:GetSecretValue " + db + "-??????", describes: 1},
		"with a key":                       {named: db + ":password::", may: "secretsmanager:GetSecretValue " + db + "-??????", describes: 1},
		"a star":                           {named: db, may: "secretsmanager:GetSecretValue " + db + "*", describes: 1},
		"the whole ARN":                    {named: db, may: "secretsmanager:GetSecretValue " + db + "-Xy12Zz", change: func(s *stack) { known(s, db) }, describes: 1},
		"a name that looks whole":          {named: db + "-secret", may: "secretsmanager:GetSecretValue " + db + "-secret-??????", change: func(s *stack) { known(s, db+"-secret") }, describes: 1},
		"a condition on its tag": {named: db + "-Xy12Zz", may: "secretsmanager:GetSecretValue * secretsmanager:ResourceTag/team=shop", describes: 1, change: func(s *stack) {
			known(s, db, secrettypes.Tag{Key: aws.String("team"), Value: aws.String("shop")})
		}},
		"a condition on another tag": {named: db + "-Xy12Zz", may: "secretsmanager:GetSecretValue * secretsmanager:ResourceTag/tier=web", describes: 2, change: func(s *stack) {
			known(s, db, secrettypes.Tag{Key: aws.String("team"), Value: aws.String("shop")})
		}, codes: []string{"execution-role-secret"}},
		"too little":   {named: db, may: "secretsmanager:GetSecretValue " + db, change: func(s *stack) { known(s, db) }, codes: []string{"execution-role-secret"}, describes: 2},
		"none is seen": {named: db, may: "ssm:* *", codes: []string{"execution-role-secret"}, describes: 1},
		"by its policy": {named: db, may: "ssm:* *", describes: 2, change: func(s *stack) {
			known(s, db)
			s.secrets.policies = map[string]string{db + "-Xy12Zz": `{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "` + roleARN + `"}, "Action": "secretsmanager:GetSecret*", "Resource": "*"}]}`}
		}},
		"elsewhere": {named: strings.Replace(db, region, "eu-west-1", 1) + "-Xy12Zz", may: "ssm:* *", codes: []string{"execution-role-secret"}, describes: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack()
			if test.change != nil {
				test.change(s)
			}
			s.iam.roles[roleName] = &fakeRole{trust: trustsECS, may: []string{test.may}}
			input := registration("app", container("web", "nginx"))
			input.ContainerDefinitions[0].Secrets = []types.Secret{{Name: aws.String("DB"), ValueFrom: aws.String(test.named)}}
			s.ecs.add(input)
			status := finding.Compliant
			if len(test.codes) > 0 {
				status = finding.Noncompliant
			}
			wantResult(t, s.look("app"), status, test.codes...)
			if len(s.secrets.reads) != test.describes {
				t.Errorf("reads %v", s.secrets.reads)
			}
			if status == finding.Compliant {
				s.iam.calls, s.secrets.reads = nil, nil
				wantResult(t, s.look("app"), status)
				// What can't be seen, and a secret's own policy, is looked at each time.
				if test.change != nil && name != "by its policy" && len(s.iam.calls)+len(s.secrets.reads) > 0 {
					t.Errorf("%v and %v the second time", s.iam.calls, s.secrets.reads)
				}
			}
		})
	}
}

// TestWhatHangsOnTheCallItselfIsNoError: the simulator takes a condition on
// what it is not told for one that fails ("Optional IAM permissions for Fargate
// tasks pulling Amazon ECR images over interface endpoints" has such conditions).
func TestWhatHangsOnTheCallItselfIsNoError(t *testing.T) {
	const policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
	tests := map[string]struct {
		role     fakeRole
		status   finding.Status
		severity finding.Severity
		says     string
	}{
		"from a VPC endpoint":                {fakeRole{may: []string{"ecr:* * aws:SourceVpce=vpce-1"}}, finding.Noncompliant, finding.Warning, "aws:SourceVpce"},
		"denied but from there":              {fakeRole{may: []string{"ecr:* *"}, denied: []string{"* * aws:SourceVpc=vpc-1"}}, finding.Compliant, "", ""},
		"a repository's tag":                 {fakeRole{may: []string{"ecr:GetAuthorizationToken *", "ecr:* * ecr:ResourceTag/team=shop"}}, finding.Noncompliant, finding.Warning, "ecr:ResourceTag/team"},
		"a condition of another service":     {fakeRole{may: []string{"kms:Decrypt * kms:ViaService=ssm.us-east-1.amazonaws.com"}}, finding.Remediated, finding.Info, "cured"},
		"older sessions are revoked":         {fakeRole{denied: []string{"* * aws:TokenIssueTime=2020-01-01T00:00:00Z"}}, finding.Remediated, finding.Info, "cured"},
		"a condition on what is told always": {fakeRole{may: []string{"ecr:* * aws:RequestedRegion=us-east-1"}}, finding.Compliant, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack()
			s.iam.policies[policy] = []string{"ecr:* *"}
			test.role.trust = trustsECS
			s.iam.roles[roleName] = &test.role
			input := registration("app", container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1"))
			input.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
			s.ecs.add(input)
			result := s.look("app")
			if result.Status != test.status {
				t.Fatalf("got %s, %+v", result.Status, result.Findings)
			}
			if test.severity == "" {
				return
			}
			if f := result.Findings[0]; len(result.Findings) != 1 || f.Code != "execution-role-ecr" || f.Severity != test.severity || !strings.Contains(f.Message+f.Fix, test.says) {
				t.Errorf("%+v", result.Findings)
			}
			if attached := slices.Contains(s.iam.calls, "AttachRolePolicy"); attached != (test.status == finding.Remediated) {
				t.Errorf("a policy was attached: %v", attached)
			}
		})
	}
}

// TestTheExecutionRoleIsCured: an exact grant, and only to a role that only
// ECS's tasks can have.
func TestTheExecutionRoleIsCured(t *testing.T) {
	const ours = `{"Statement": [{"Sid": "EcsGuardrailsExecutionRoles", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::123456789012:role/other", "AROAEXAMPLE"]}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}`
	trusts := func(more string) string {
		return `{"Statement":[` + ecsTasksAllowed + `,{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + more + `}]}`
	}
	policy := func(text string) func(*stack) {
		return func(s *stack) { s.secrets.policies = map[string]string{secretARN("shop"): text} }
	}
	families := func(text string) func(*stack) {
		return func(s *stack) {
			s.secrets.entries[0].Tags = append(s.secrets.entries[0].Tags, secrettypes.Tag{Key: aws.String(TagFamilies), Value: &text})
		}
	}
	bare := fakeRole{trust: trustsECS}
	tests := map[string]struct {
		role    fakeRole
		change  func(*stack)
		granted string
		says    string
	}{
		"it lacks the secret":              {bare, nil, roleARN, ""},
		"beside another role of ours":      {bare, policy(ours), roleARN + " arn:aws:iam::123456789012:role/other", ""},
		"for its family":                   {bare, families("web app*"), roleARN, ""},
		"trust under a condition":          {fakeRole{trust: `{"Statement":{"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com"]},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}}`}, nil, roleARN, ""},
		"not for another's":                {bare, families("web"), "", ""},
		"the key, too":                     {bare, func(s *stack) { s.secrets.entries[0].KmsKeyId = aws.String(customKey) }, roleARN, `"Action": "kms:Decrypt"`},
		"a policy denies it":               {fakeRole{trust: trustsECS, denied: []string{"* *"}}, nil, "", "A policy denies it"},
		"a boundary":                       {fakeRole{trust: trustsECS, boundary: true}, nil, "", "a boundary"},
		"its owner forbids":                {fakeRole{trust: trustsECS, tags: map[string]string{optout.Tag: "true"}}, nil, "", `"Resource": "` + secretARN("shop")},
		"it is one of our own":             {bare, func(s *stack) { s.settings.OwnRoles = append(s.settings.OwnRoles, roleARN) }, "", ""},
		"the setting is off":               {bare, func(s *stack) { s.settings.CureExecutionRoles = false }, "", ""},
		"a user may assume it":             {fakeRole{trust: trusts(`{"AWS":"arn:aws:iam::123456789012:user/dev"}`)}, nil, "", "others than ecs-tasks"},
		"everybody may":                    {fakeRole{trust: trusts(`"*"`)}, nil, "", "others than ecs-tasks"},
		"everybody of AWS may":             {fakeRole{trust: trusts(`{"AWS":"*"}`)}, nil, "", "others than ecs-tasks"},
		"another account may":              {fakeRole{trust: trusts(`{"AWS":"999999999999"}`)}, nil, "", "others than ecs-tasks"},
		"a federation may":                 {fakeRole{trust: trusts(`{"Federated":"cognito-identity.amazonaws.com"}`)}, nil, "", "others than ecs-tasks"},
		"another service may":              {fakeRole{trust: trusts(`{"Service":["ecs-tasks.amazonaws.com","ec2.amazonaws.com"]}`)}, nil, "", "others than ecs-tasks"},
		"the secret has a policy":          {bare, policy(`{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}]}`), "", "statements of its owner's"},
		"its policy has our name only":     {bare, policy(strings.Replace(ours, "secretsmanager:GetSecretValue", "secretsmanager:*", 1)), "", "statements of its owner's"},
		"its policy is full":               {bare, policy(strings.Replace(ours, `"AROAEXAMPLE"`, `"arn:aws:iam::123456789012:role/`+strings.Repeat("x", 20500)+`"`, 1)), "", "longer than 20480"},
		"its policy can't be seen":         {bare, func(s *stack) { s.secrets.policyErr = &smithy.GenericAPIError{Code: "AccessDeniedException"} }, "", "can't be read"},
		"for its family, by one letter":    {bare, families("web ap?"), roleARN, ""},
		"for its family, between spaces":   {bare, families("  web \t app  "), roleARN, ""},
		"for all families":                 {bare, families("*"), roleARN, ""},
		"for a family in other letters":    {bare, families("APP App*"), "", ""},
		"for a family with a longer name":  {bare, families("app-* apps"), "", ""},
		"for a family with a shorter name": {bare, families("ap a??? pp"), "", ""},
		"for no family":                    {bare, families(" "), "", ""},
		"trust of China":                   {fakeRole{trust: strings.Replace(trustsECS, "amazonaws.com", "amazonaws.com.cn", 1)}, nil, roleARN, ""},
		"trust of the European partition":  {fakeRole{trust: strings.Replace(trustsECS, "amazonaws.com", "amazonaws.eu", 1)}, nil, roleARN, ""},
		"a service with a like name":       {fakeRole{trust: trusts(`{"Service":"ecs-tasks.application-autoscaling.amazonaws.com"}`)}, nil, "", "others than ecs-tasks"},
		"a service of that name elsewhere": {fakeRole{trust: trusts(`{"Service":"ecs-tasks.amazonaws.com.evil.example"}`)}, nil, "", "others than ecs-tasks"},
		"all but one user may":             {fakeRole{trust: strings.Replace(trusts(`{}`), `"Principal":{}`, `"NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/dev"}`, 1)}, nil, "", "others than ecs-tasks"},
		"a federation may, half denied":    {fakeRole{trust: strings.Replace(trusts(`{"Federated":"cognito-identity.amazonaws.com"}`), `]}`, `,{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"Federated":"cognito-identity.amazonaws.com"}}]}`, 1)}, nil, "", "others than ecs-tasks"},
		"its policy has a condition":       {bare, policy(strings.Replace(ours, `"Resource"`, `"Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}}, "Resource"`, 1)), "", "statements of its owner's"},
		"its policy denies, in our name":   {bare, policy(strings.Replace(ours, `"Allow"`, `"Deny"`, 1)), "", "statements of its owner's"},
		"its policy is for all, so named":  {bare, policy(strings.Replace(ours, `{"AWS": ["arn:aws:iam::123456789012:role/other", "AROAEXAMPLE"]}`, `{"Federated": "cognito-identity.amazonaws.com"}`, 1)), "", "statements of its owner's"},
		"its policy is of a part":          {bare, policy(strings.Replace(ours, `"Resource": "*"`, `"Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf"`, 1)), "", "statements of its owner's"},
		"its policy has all actions but":   {bare, policy(strings.Replace(ours, `"Action"`, `"NotAction"`, 1)), "", "statements of its owner's"},
		"its policy has another, too":      {bare, policy(ours[:len(ours)-2] + `, {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}`), "", "statements of its owner's"},
		"its policy is no policy":          {bare, policy(`[]`), "", "Can't tell"},
		"the secret is not for registries": {bare, func(s *stack) { s.settings.RegistrySecretPattern = []string{"registry-*"} }, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			if test.change != nil {
				test.change(s)
			}
			s.iam.roles[roleName] = &test.role
			s.ecs.add(registration("app", withCredential(container("web", "registry.example.com/app"), secretARN("shop"))))
			result := s.look("app")
			var granted []string
			if s.secrets.puts > 0 {
				statements, err := statementsOf(s.secrets.policies[secretARN("shop")])
				if err != nil || len(statements) != 1 || !statements[0].isOurs() {
					t.Fatalf("%v %+v", err, statements)
				}
				granted = statements[0].Principal.AWS
			}
			if got := strings.Join(granted, " "); got != test.granted {
				t.Errorf("granted %q, want %q\n%+v", got, test.granted, result.Findings)
			}
			text := ""
			for _, f := range result.Findings {
				text += f.Message + " " + f.Fix + "\n"
			}
			if !strings.Contains(text, test.says) {
				t.Errorf("%q is not said in %s", test.says, text)
			}
			if slices.Contains(s.iam.calls, "AttachRolePolicy") {
				t.Error("a policy was attached")
			}
			if test.granted == "" {
				return
			}
			action := result.Actions[0]
			if action.Kind != "PutResourcePolicy" || !action.Applied || action.Mandate.Kind != finding.ByGiver {
				t.Errorf("actions %+v", result.Actions)
			}
			if name != "the key, too" {
				wantResult(t, s.look("app"), finding.Compliant)
			}
			if s.secrets.puts != 1 {
				t.Errorf("%d changes of the policy", s.secrets.puts)
			}
		})
	}
}

// TestCuresTakeTheRightOfWhoRegisters: with the parameter, what a role is given is
// what its registrant could give it, or read without it.
func TestCuresTakeTheRightOfWhoRegisters(t *testing.T) {
	const (
		policy      = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
		boundaryARN = "arn:aws:iam::123456789012:policy/teams"
	)
	payload, err := os.ReadFile("../../events/register-task-definition.json")
	if err != nil {
		t.Fatal(err)
	}
	event := strings.NewReplacer(`"family": "storefront"`, `"family": "app"`, "task-definition/storefront:17", "task-definition/app:1").Replace(string(payload))
	queued, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "1", "eventSource": "aws:sqs", "body": `{"taskDefinition":"app"}`}}})
	if err != nil {
		t.Fatal(err)
	}
	const byHand = `{"taskDefinition":"app"}`
	tests := map[string]struct {
		off bool
		// bounded says that the registrant's own boundary allows nothing.
		bounded bool
		may     []string
		event   string
		cured   bool
		secret  bool
		asked   int
	}{
		"without the parameter":                   {off: true, event: event, cured: true},
		"without the parameter, a secret":         {off: true, event: event, cured: true, secret: true},
		"who may attach the policy":               {may: []string{"iam:AttachRolePolicy " + roleARN + " iam:PolicyARN=" + policy}, event: event, cured: true, asked: 1},
		"who may attach another policy":           {may: []string{"iam:AttachRolePolicy * iam:PolicyARN=arn:aws:iam::aws:policy/Other"}, event: event, asked: 1},
		"who may attach it to another role":       {may: []string{"iam:AttachRolePolicy arn:aws:iam::123456789012:role/other"}, event: event, asked: 1},
		"who may do neither":                      {event: event, asked: 1},
		"who may read the secret":                 {may: []string{"secretsmanager:GetSecretValue " + secretARN("shop")}, event: event, cured: true, secret: true, asked: 2},
		"who may let others read the secret":      {may: []string{"secretsmanager:PutResourcePolicy " + secretARN("shop")}, event: event, cured: true, secret: true, asked: 2},
		"who may read another secret":             {may: []string{"secretsmanager:* " + secretARN("db")}, event: event, secret: true, asked: 2},
		"who may do nothing with the secret":      {may: []string{"iam:* *"}, event: event, secret: true, asked: 2},
		"who may change roles of their team":      {may: []string{"iam:* * aws:ResourceTag/team=web"}, event: event, cured: true, asked: 1},
		"the same, in IAM's own words":            {may: []string{"iam:* * iam:ResourceTag/team=web"}, event: event, cured: true, asked: 1},
		"who may change roles of another team":    {may: []string{"iam:* * aws:ResourceTag/team=api"}, event: event, asked: 1},
		"who may change roles with a boundary":    {may: []string{"iam:* * iam:PermissionsBoundary=" + boundaryARN}, event: event, cured: true, asked: 1},
		"who may not change roles with one":       {may: []string{"iam:* * iam:PermissionsBoundary!=" + boundaryARN}, event: event, asked: 1},
		"who has a boundary of their own":         {may: []string{"iam:* *"}, bounded: true, event: event, asked: 1},
		"who may read secrets of their team":      {may: []string{"secretsmanager:* * aws:ResourceTag/team=web"}, event: event, cured: true, secret: true, asked: 2},
		"who may read secrets of another team":    {may: []string{"secretsmanager:* * secretsmanager:ResourceTag/team=api"}, event: event, secret: true, asked: 2},
		"a person who names it":                   {event: byHand, cured: true},
		"a person who names it, a secret":         {event: byHand, cured: true, secret: true},
		"a sweep, which says nothing of who made": {event: string(queued)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pulling := tagged("shop", "registry.example.com")
			pulling.Tags = append(pulling.Tags, secrettypes.Tag{Key: aws.String("team"), Value: aws.String("web")})
			s := newStack(pulling)
			s.settings.RequireActorRight = settings.Choice(!test.off)
			s.iam.policies[policy] = []string{"ecr:* *"}
			s.iam.roles[roleName] = &fakeRole{trust: trustsECS, tags: map[string]string{"team": "web"}, boundaryARN: boundaryARN}
			s.iam.roles["deployer"] = &fakeRole{trust: trustsECS, may: test.may, boundary: test.bounded}
			of := withCredential(container("web", "registry.example.com/app"), secretARN("shop"))
			if !test.secret {
				of = container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")
			}
			input := registration("app", of)
			input.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
			s.ecs.add(input)
			result := s.send(test.event).Results[0]
			if cured := s.secrets.puts > 0 || slices.Contains(s.iam.calls, "AttachRolePolicy"); cured != test.cured {
				t.Errorf("cured: %v, %s %+v", cured, result.Status, result.Findings)
			}
			noMandate := slices.IndexFunc(result.Findings, finding.Finding.IsNoMandate)
			if refused := result.Status == finding.Planned && noMandate >= 0 && strings.Contains(result.Findings[noMandate].Message, "RequireActorRight is yes"); refused == test.cured {
				t.Errorf("%s %+v", result.Status, result.Findings)
			}
			if !test.cured && !slices.ContainsFunc(result.Actions, func(a finding.Action) bool { return a.Withheld && !a.Applied }) {
				t.Errorf("the withheld change isn't reported: %+v", result.Actions)
			}
			if err := result.Check(); err != nil {
				t.Error(err)
			}
			simulations := 0
			for _, call := range s.iam.calls {
				if call == "SimulatePrincipalPolicy" {
					simulations++
				}
			}
			if simulations != 1+test.asked {
				t.Errorf("%d simulations, want the execution role's and %d", simulations, test.asked)
			}
		})
	}
}

// TestAGrantThatIsOvertakenIsRepeated: the API has no condition for writing a
// policy, so another writer in the same moment must not go unnoticed.
func TestAGrantThatIsOvertakenIsRepeated(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.iam.roles[roleName] = &fakeRole{trust: trustsECS}
	s.ecs.add(registration("app", withCredential(container("web", "registry.example.com/app"), secretARN("shop"))))
	s.secrets.overwritten = true
	wantResult(t, s.look("app"), finding.Failed, "execution-role-secret", "call-retried")
	s.secrets.overwritten = false
	wantResult(t, s.look("app"), finding.Remediated, "execution-role-secret")
}

// slowly is a client whose writes arrive late, as another process's may.
type slowly struct{ SecretPolicies }

func (s slowly) PutResourcePolicy(ctx context.Context, input *secretsmanager.PutResourcePolicyInput, options ...func(*secretsmanager.Options)) (*secretsmanager.PutResourcePolicyOutput, error) {
	time.Sleep(GrantSettles / 3)
	return s.SecretPolicies.PutResourcePolicy(ctx, input, options...)
}

// TestGrantsOfTwoProcessesAllStand: each reads the policy before the other writes it.
func TestGrantsOfTwoProcessesAllStand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := &fakeSecrets{}
		var both sync.WaitGroup
		grant := func(client SecretPolicies, role string) {
			both.Go(func() {
				if err := (Grant{Secret: secretARN("shop"), Role: role}).apply(t.Context(), Applier{Grants: NewGranter(client, GrantSettles)}); err != nil {
					t.Error(err)
				}
			})
		}
		const late, early = "arn:aws:iam::123456789012:role/late", "arn:aws:iam::123456789012:role/early"
		grant(slowly{secrets}, late)
		// The late one has read the policy.
		synctest.Wait()
		grant(secrets, early)
		both.Wait()
		for _, role := range []string{late, early} {
			if granted, _ := (SecretPolicy{Text: secrets.policies[secretARN("shop")]}).grants(secretARN("shop"), role); !granted {
				t.Errorf("%s was lost from %s", role, secrets.policies[secretARN("shop")])
			}
		}
	})
}

// TestARoleThatAToolManagesIsNotChanged: a policy that is attached keeps its owner
// from deleting it.
func TestARoleThatAToolManagesIsNotChanged(t *testing.T) {
	for _, change := range []OwnedResources{Roles, None, All} {
		s := newStack()
		s.settings.ChangeOwnedResources = change
		s.iam.policies["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"] = []string{"ecr:* *"}
		s.iam.roles[roleName] = &fakeRole{trust: trustsECS, tags: map[string]string{"managed-by": "terraform"}}
		s.ecs.add(registration("app", container("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")))
		result := s.look("app")
		if attached := slices.Contains(s.iam.calls, "AttachRolePolicy"); attached != (change == All) {
			t.Errorf("%s: attached %v", change, attached)
		}
		if f := result.Findings[0]; change != All && !strings.Contains(f.Fix, "aws_iam_role_policy_attachment") {
			t.Errorf("%s: %+v", change, f)
		}
	}
}

func TestWhatARoleLacksIsAskedAnew(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	role := &fakeRole{trust: trustsECS}
	s.iam.roles[roleName] = role
	s.settings.CureExecutionRoles = false
	s.ecs.add(registration("app", withCredential(container("web", "registry.example.com/app"), secretARN("shop"))))
	wantResult(t, s.look("app"), finding.Noncompliant, "execution-role-secret")
	role.may = []string{"* *"}
	wantResult(t, s.look("app"), finding.Compliant)
	s.iam.calls = nil
	wantResult(t, s.look("app"), finding.Compliant)
	if len(s.iam.calls) != 0 {
		t.Errorf("a role that may do all was asked about again: %v", s.iam.calls)
	}
	role.may = nil
	s.now = s.now.Add(grantedTTL + time.Second)
	wantResult(t, s.look("app"), finding.Noncompliant, "execution-role-secret")
}

func TestSecretsWithOtherTagsAreAskedAboutAlone(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"), tagged("acme", "registry.gitlab.com/acme"))
	s.ecs.add(registration("app", container("web", "registry.example.com/app"), container("job", "registry.gitlab.com/acme/job")))
	wantResult(t, s.look("app"), finding.Remediated, "credential-missing", "credential-missing")
	if got := strings.Join(slices.Sorted(slices.Values(s.iam.calls)), " "); got != "GetRole SimulatePrincipalPolicy SimulatePrincipalPolicy" {
		t.Errorf("calls %s", got)
	}
}

func TestTrustsTasks(t *testing.T) {
	for document, want := range map[string]bool{
		trustsECS: true,
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}`:  true,
		`{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`:      false,
		`{"Statement":[{"Effect":"Deny","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`: false,
		`{"Statement":[` + ecsTasksAllowed + `,{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`:   false,
		`{"Statement":[` + ecsTasksAllowed + `,{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:*"}]}`: true,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`:                                  false,
		`not a policy`:      true,
		`{"Statement":"x"}`: true,
	} {
		if got := trustsTasks(document); got != want {
			t.Errorf("%s: got %v", document, got)
		}
	}
}

const ecsTasksAllowed = `{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}`
