package configbucket_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	s3controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
)

// accountBlock answers for an account.
type accountBlock struct {
	block *s3controltypes.PublicAccessBlockConfiguration
	err   error
}

func (a accountBlock) GetPublicAccessBlock(context.Context, *s3control.GetPublicAccessBlockInput, ...func(*s3control.Options)) (*s3control.GetPublicAccessBlockOutput, error) {
	return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: a.block}, a.err
}

func TestUnderAccount(t *testing.T) {
	on := aws.Bool(true)
	whole := &s3controltypes.PublicAccessBlockConfiguration{BlockPublicAcls: on, BlockPublicPolicy: on, IgnorePublicAcls: on, RestrictPublicBuckets: on}
	half := &s3controltypes.PublicAccessBlockConfiguration{BlockPublicAcls: on, BlockPublicPolicy: aws.Bool(false)}
	tests := map[string]struct {
		account accountBlock
		block   types.PublicAccessBlockConfiguration
		denied  []string
		blocked bool
		fails   bool
	}{
		"all by the account":  {account: accountBlock{block: whole}, blocked: true},
		"half by each":        {account: accountBlock{block: half}, block: types.PublicAccessBlockConfiguration{BlockPublicPolicy: on, IgnorePublicAcls: on, RestrictPublicBuckets: on}, blocked: true},
		"half by the account": {account: accountBlock{block: half}},
		"none":                {account: accountBlock{err: refusal("NoSuchPublicAccessBlockConfiguration")}},
		"nothing answered":    {},
		"denied":              {account: accountBlock{err: refusal("AccessDenied")}, denied: []string{"s3:GetAccountPublicAccessBlock"}},
		"no such operation":   {account: accountBlock{err: refusal("NotImplemented")}, denied: []string{"s3:GetAccountPublicAccessBlock"}},
		"throttled":           {account: accountBlock{err: refusal("SlowDown")}, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			posture, err := configbucket.Posture{Bucket: "acme", Block: test.block}.UnderAccount(t.Context(), test.account, "123456789012")
			if (err != nil) != test.fails {
				t.Fatalf("failed with %v", err)
			}
			if posture.Blocked() != test.blocked || !slices.Equal(posture.Denied, test.denied) {
				t.Errorf("blocked %t, denied %q", posture.Blocked(), posture.Denied)
			}
		})
	}
	if posture, err := (configbucket.Posture{}).UnderAccount(t.Context(), accountBlock{err: errors.New("asked")}, ""); err != nil || posture.Blocked() {
		t.Errorf("an account that is not known was asked about: %v", err)
	}
}

// A host of one's own has no name for each account.
func TestAccountClientAtOneHost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/v20180820/configuration/publicAccessBlock" || request.Header.Get("x-amz-account-id") != "123456789012" {
			t.Errorf("asked %s for the account %q", request.URL, request.Header.Get("x-amz-account-id"))
		}
		_, _ = io.WriteString(response, `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>`)
	}))
	defer server.Close()
	client := configbucket.NewAccountClient(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
	posture, err := configbucket.Posture{}.UnderAccount(t.Context(), client, "123456789012")
	if err != nil || !aws.ToBool(posture.Block.BlockPublicAcls) || aws.ToBool(posture.Block.IgnorePublicAcls) {
		t.Errorf("got %+v, %v", posture.Block, err)
	}
}

func refusal(code string) error {
	return &smithy.OperationError{ServiceID: "S3 Control", OperationName: "GetPublicAccessBlock", Err: &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient}}
}
