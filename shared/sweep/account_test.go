package sweep_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

func trusts(service string) string {
	return url.QueryEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`)
}

// account is a small IAM, ECS, Secrets Manager and SQS. Pages are as long as was asked for, and
// markers are the number of the next entry.
type account struct {
	roles    []iamtypes.Role
	families []string
	secrets  []secretstypes.SecretListEntry
	listed   func() // called with each page

	mutex  sync.Mutex
	queues map[string][]string
	calls  map[string]int
	// refuse gives the failed entry for a message, or nil; nth is how often the
	// body was sent before.
	refuse func(body string, nth int) *sqstypes.BatchResultErrorEntry
	sent   map[string]int
	err    map[string]error
}

func (a *account) enter(call string) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.calls == nil {
		a.calls, a.queues, a.sent = map[string]int{}, map[string][]string{}, map[string]int{}
	}
	a.calls[call]++
	return a.err[call]
}

func (a *account) ListRoles(_ context.Context, in *iam.ListRolesInput, _ ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	if err := a.enter("ListRoles"); err != nil {
		return nil, err
	}
	roles, next, err := slice(a.roles, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	if a.listed != nil {
		a.listed()
	}
	return &iam.ListRolesOutput{Roles: roles, IsTruncated: next != nil, Marker: next}, nil
}

func (a *account) ListTaskDefinitionFamilies(_ context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	if err := a.enter("ListTaskDefinitionFamilies"); err != nil {
		return nil, err
	}
	if in.Status != "ACTIVE" {
		return nil, fmt.Errorf("asked for families of status %q", in.Status)
	}
	families, next, err := slice(a.families, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	if a.listed != nil {
		a.listed()
	}
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: families, NextToken: next}, nil
}

func (a *account) ListSecrets(_ context.Context, in *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	if err := a.enter("ListSecrets"); err != nil {
		return nil, err
	}
	if len(in.Filters) != 1 || in.Filters[0].Key != "tag-key" || len(in.Filters[0].Values) != 1 || aws.ToBool(in.IncludePlannedDeletion) {
		return nil, fmt.Errorf("asked for %+v", in)
	}
	var found []secretstypes.SecretListEntry
	for _, secret := range a.secrets {
		if slices.ContainsFunc(secret.Tags, func(tag secretstypes.Tag) bool {
			return strings.HasPrefix(*tag.Key, in.Filters[0].Values[0])
		}) {
			found = append(found, secret)
		}
	}
	secrets, next, err := slice(found, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	if a.listed != nil {
		a.listed()
	}
	return &secretsmanager.ListSecretsOutput{SecretList: secrets, NextToken: next}, nil
}

func slice[T any](all []T, marker *string, most *int32) ([]T, *string, error) {
	from := 0
	if marker != nil {
		var err error
		if from, err = strconv.Atoi(*marker); err != nil || from > len(all) {
			return nil, nil, &smithy.OperationError{ServiceID: "IAM", OperationName: "List", Err: &smithy.GenericAPIError{Code: "ValidationError", Message: "Invalid Marker.", Fault: smithy.FaultClient}}
		}
	}
	to := min(from+int(*most), len(all))
	if to == len(all) {
		return all[from:to], nil, nil
	}
	return all[from:to], aws.String(strconv.Itoa(to)), nil
}

func (a *account) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if err := a.enter("SendMessageBatch"); err != nil {
		return nil, err
	}
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, fmt.Errorf("a batch of %d", len(in.Entries))
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	output := &sqs.SendMessageBatchOutput{}
	ids := map[string]bool{}
	for _, entry := range in.Entries {
		if ids[*entry.Id] {
			return nil, fmt.Errorf("two entries with the id %s", *entry.Id)
		}
		ids[*entry.Id] = true
		body := *entry.MessageBody
		nth := a.sent[body]
		a.sent[body]++
		if a.refuse != nil {
			if refused := a.refuse(body, nth); refused != nil {
				refused.Id = entry.Id
				output.Failed = append(output.Failed, *refused)
				continue
			}
		}
		a.queues[*in.QueueUrl] = append(a.queues[*in.QueueUrl], body)
		output.Successful = append(output.Successful, sqstypes.SendMessageBatchResultEntry{Id: entry.Id})
	}
	return output, nil
}
