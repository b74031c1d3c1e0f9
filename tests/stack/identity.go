package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"ecsguardrails/tests/awscall"
	"ecsguardrails/tests/cloudtrail"
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

// identify says under which identity a caller's calls are recorded: a
// function's under its role, as on AWS, everybody else's under one user.
func (s *Stack) identify(ctx context.Context, caller string) (cloudtrail.Identity, error) {
	if caller == awscall.Person {
		return cloudtrail.Identity{Account: Account, User: user}, nil
	}
	s.rolesMutex.Lock()
	defer s.rolesMutex.Unlock()
	if known, ok := s.roles[caller]; ok {
		return known, nil
	}
	identity, err := s.functionIdentity(ctx, caller)
	if err != nil {
		return cloudtrail.Identity{}, err
	}
	s.roles[caller] = identity
	return identity, nil
}

func (s *Stack) functionIdentity(ctx context.Context, function string) (cloudtrail.Identity, error) {
	resource, err := cloudformation.NewFromConfig(s.Behind).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName:         &s.Name,
		LogicalResourceId: aws.String(LogicalID(function)),
	})
	if err != nil {
		return cloudtrail.Identity{}, fmt.Errorf("finding the function %s: %w", function, err)
	}
	name := resource.StackResourceDetail.PhysicalResourceId
	configured, err := lambda.NewFromConfig(s.Behind).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name})
	if err != nil {
		return cloudtrail.Identity{}, fmt.Errorf("reading the function %s: %w", aws.ToString(name), err)
	}
	arn := aws.ToString(configured.Role)
	roleName := arn[strings.LastIndexByte(arn, '/')+1:]
	role, err := iam.NewFromConfig(s.Behind).GetRole(ctx, &iam.GetRoleInput{RoleName: &roleName})
	if err != nil {
		return cloudtrail.Identity{}, fmt.Errorf("reading the role of %s: %w", aws.ToString(name), err)
	}
	return cloudtrail.Identity{
		Account: Account,
		Role:    roleName,
		RoleARN: arn,
		RoleID:  aws.ToString(role.Role.RoleId),
		Session: aws.ToString(configured.FunctionName),
	}, nil
}
