package adversary

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// person is a user of the account, with clients that sign with its access key.
type person struct {
	*operator.Operator
	ARN    string
	config aws.Config
}

// user makes a user whose inline policy is the document; none where it is "".
func (w *world) user(t *testing.T, name, document string) *person {
	t.Helper()
	arn, config, err := w.User(t.Context(), name, document)
	if err != nil {
		t.Fatal(err)
	}
	return &person{Operator: operator.With(w.Stack, config), ARN: arn, config: config}
}

// assume gives the clients of a session of the role, which must trust the user.
func (p *person) assume(t *testing.T, roleARN, session string) *person {
	t.Helper()
	output := must(sts.NewFromConfig(p.config).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &roleARN, RoleSessionName: &session}))(t)
	config := p.config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(
		aws.ToString(output.Credentials.AccessKeyId), aws.ToString(output.Credentials.SecretAccessKey), aws.ToString(output.Credentials.SessionToken))
	return &person{Operator: operator.With(p.Stack, config), ARN: aws.ToString(output.AssumedRoleUser.Arn), config: config}
}

// as gives the same person's clients with another user agent, as a tool sends it.
func (p *person) as(userAgent string) *person {
	config := p.config.Copy()
	config.AppID = ""
	config.APIOptions = append(config.APIOptions, replaceUserAgent(userAgent))
	return &person{Operator: operator.With(p.Stack, config), ARN: p.ARN, config: config}
}

// through gives clients whose calls are recorded as a service's for the person.
func (p *person) through(service string) *person {
	config := p.config.Copy()
	config.APIOptions = append(config.APIOptions, withHeader(awscall.InvokedByHeader, service))
	return &person{Operator: operator.With(p.Stack, config), ARN: p.ARN, config: config}
}
