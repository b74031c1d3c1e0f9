package stack

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/cloudtrail"
)

// LogicalID is the name that the template gives to a function:
// "attach-policies" is AttachPoliciesFunction.
func LogicalID(function string) string {
	var id strings.Builder
	for word := range strings.SplitSeq(function, "-") {
		if word != "" {
			id.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	id.WriteString("Function")
	return id.String()
}

// identify says under which identity a call is recorded: a function's under its
// role, as on AWS, everybody else's under the principal of the access key.
func (s *Stack) identify(ctx context.Context, exchange awscall.Exchange) (cloudtrail.Identity, error) {
	if exchange.Call.Caller == awscall.Person {
		return s.principal(ctx, exchange.AccessKey)
	}
	return s.function(ctx, exchange)
}

// function gives the identity of the function that made a call: the one whose
// session it is, also of another stack of the account, or that of this stack
// with the short name in the call, where the process was started by a test.
func (s *Stack) function(ctx context.Context, exchange awscall.Exchange) (cloudtrail.Identity, error) {
	s.rolesMutex.Lock()
	defer s.rolesMutex.Unlock()
	key := cmp.Or(exchange.SessionToken, exchange.Call.Caller)
	if known, ok := s.roles[key]; ok {
		return known, nil
	}
	name := exchange.SessionToken
	if name == "" {
		resource, err := cloudformation.NewFromConfig(s.Behind).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
			StackName:         &s.Name,
			LogicalResourceId: aws.String(LogicalID(exchange.Call.Caller)),
		})
		if err != nil {
			return cloudtrail.Identity{}, fmt.Errorf("finding the function %s: %w", exchange.Call.Caller, err)
		}
		name = aws.ToString(resource.StackResourceDetail.PhysicalResourceId)
	}
	identity, err := s.functionIdentity(ctx, name)
	if err != nil {
		return cloudtrail.Identity{}, err
	}
	s.roles[key] = identity
	return identity, nil
}

// principal gives the user or the role's session that an access key belongs to,
// and the operator where the emulator issued no such key.
func (s *Stack) principal(ctx context.Context, accessKey string) (cloudtrail.Identity, error) {
	operator := cloudtrail.Identity{Account: Account, User: user}
	if accessKey == "" || accessKey == AccessKey {
		return operator, nil
	}
	s.rolesMutex.Lock()
	known, ok := s.principals[accessKey]
	s.rolesMutex.Unlock()
	if ok {
		return known, nil
	}
	behind := s.Behind.Copy()
	// The emulator looks the key up and checks no signature.
	behind.Credentials = credentials.NewStaticCredentialsProvider(accessKey, "any", "")
	output, err := sts.NewFromConfig(behind).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return cloudtrail.Identity{}, fmt.Errorf("finding whose access key it is: %w", err)
	}
	identity := operator
	arn := aws.ToString(output.Arn)
	kind, rest, _ := strings.Cut(arn[strings.LastIndexByte(arn, ':')+1:], "/")
	switch kind {
	case "user":
		name := rest[strings.LastIndexByte(rest, '/')+1:]
		identity = cloudtrail.Identity{Account: Account, User: name, UserID: aws.ToString(output.UserId), UserPath: "/" + strings.TrimSuffix(rest, name)}
	case "assumed-role":
		name, session, _ := strings.Cut(rest, "/")
		role, err := iam.NewFromConfig(s.Behind).GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
		if err != nil {
			return cloudtrail.Identity{}, fmt.Errorf("reading the role of a session: %w", err)
		}
		identity = cloudtrail.Identity{
			Account: Account, Role: name, RoleARN: aws.ToString(role.Role.Arn), RoleID: aws.ToString(role.Role.RoleId), Session: session,
		}
	}
	s.rolesMutex.Lock()
	defer s.rolesMutex.Unlock()
	s.principals[accessKey] = identity
	return identity, nil
}

func (s *Stack) functionIdentity(ctx context.Context, name string) (cloudtrail.Identity, error) {
	configured, err := lambda.NewFromConfig(s.Behind).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return cloudtrail.Identity{}, fmt.Errorf("reading the function %s: %w", name, err)
	}
	arn := aws.ToString(configured.Role)
	roleName := arn[strings.LastIndexByte(arn, '/')+1:]
	role, err := iam.NewFromConfig(s.Behind).GetRole(ctx, &iam.GetRoleInput{RoleName: &roleName})
	if err != nil {
		return cloudtrail.Identity{}, fmt.Errorf("reading the role of %s: %w", name, err)
	}
	return cloudtrail.Identity{
		Account: Account,
		Role:    roleName,
		RoleARN: arn,
		RoleID:  aws.ToString(role.Role.RoleId),
		Session: aws.ToString(configured.FunctionName),
	}, nil
}
