package configbucket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

const refusePlainHTTP = `{"Sid":"RefusePlainHttp","Effect":"Deny","Principal":"*","Action":"s3:*",
	"Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(append(statements, refusePlainHTTP), ",") + `]}`
}

// sound is a bucket with which nothing is wrong.
func sound() configbucket.Posture {
	return configbucket.Posture{
		Bucket: "acme", Policy: policy(), Owner: "us", ACLsDisabled: true, Encrypted: true, Versioned: true,
		Block: types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
		},
		Grants: []types.Grant{grant("us", "", types.PermissionFullControl)},
	}
}

func grant(id, group string, permission types.Permission) types.Grant {
	grantee := &types.Grantee{}
	if id != "" {
		grantee.ID = aws.String(id)
	}
	if group != "" {
		grantee.URI = aws.String("http://acs.amazonaws.com/groups/" + group)
	}
	return types.Grant{Grantee: grantee, Permission: permission}
}

func lines(findings []finding.Finding) (lines []string) {
	findingtest.Saw(findings...)
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%s %s", f.Severity, f.Code))
	}
	return lines
}

func TestFindings(t *testing.T) {
	allow := func(principal, action, rest string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":%s,"Resource":"arn:aws:s3:::acme/*"%s}`, principal, action, rest)
	}
	open := func(p *configbucket.Posture) { p.Block = types.PublicAccessBlockConfiguration{} }
	withPolicy := func(document string) func(*configbucket.Posture) {
		return func(p *configbucket.Posture) { p.Policy = document }
	}
	withACL := func(grants ...types.Grant) func(*configbucket.Posture) {
		return func(p *configbucket.Posture) { p.ACLsDisabled, p.Grants = false, grants }
	}
	everybody := allow(`"*"`, `"s3:GetObject"`, "")
	tests := map[string]struct {
		change []func(*configbucket.Posture)
		want   []string
	}{
		"sound":           {nil, nil},
		"no block at all": {[]func(*configbucket.Posture){open}, []string{"warning bucket-public-access-unblocked"}},
		"one of four off": {
			[]func(*configbucket.Posture){func(p *configbucket.Posture) { p.Block.BlockPublicPolicy = aws.Bool(false) }},
			[]string{"warning bucket-public-access-unblocked"},
		},
		"public by S3's judgement": {
			[]func(*configbucket.Posture){open, func(p *configbucket.Posture) { p.PolicyPublic = true }},
			[]string{"error bucket-public", "warning bucket-public-access-unblocked"},
		},
		"public by a statement": {
			[]func(*configbucket.Posture){open, withPolicy(policy(everybody))},
			[]string{"error bucket-public", "warning bucket-public-access-unblocked"},
		},
		"public by a list of principals and a wildcard action": {
			[]func(*configbucket.Posture){open, withPolicy(policy(allow(`{"AWS":["*"]}`, `["s3:List*","s3:get*"]`, "")))},
			[]string{"error bucket-public", "warning bucket-public-access-unblocked"},
		},
		"public by NotPrincipal": {
			[]func(*configbucket.Posture){open, withPolicy(policy(`{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:root"},"NotAction":"s3:PutObject","Resource":"*"}`))},
			[]string{"error bucket-public", "warning bucket-public-access-unblocked"},
		},
		"public statement, overruled":        {[]func(*configbucket.Posture){withPolicy(policy(everybody))}, nil},
		"everybody may list":                 {[]func(*configbucket.Posture){withPolicy(policy(allow(`"*"`, `"s3:ListBucket"`, "")))}, nil},
		"everybody, from one VPC":            {[]func(*configbucket.Posture){withPolicy(policy(allow(`"*"`, `"s3:GetObject"`, `,"Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`)))}, nil},
		"everybody of the organization":      {[]func(*configbucket.Posture){withPolicy(policy(allow(`"*"`, `"s3:GetObject"`, `,"Condition":{"StringEquals":{"aws:principalorgid":"o-1"}}`)))}, []string{"warning bucket-shared"}},
		"the account itself":                 {[]func(*configbucket.Posture){withPolicy(policy(allow(`{"AWS":["arn:aws:iam::123456789012:role/instances","123456789012"]}`, `"s3:*"`, "")))}, nil},
		"another account's role":             {[]func(*configbucket.Posture){withPolicy(policy(allow(`{"AWS":"arn:aws:iam::999999999999:role/instances"}`, `"*"`, "")))}, []string{"warning bucket-shared"}},
		"another account by its number":      {[]func(*configbucket.Posture){withPolicy(policy(allow(`{"AWS":"999999999999"}`, `"s3:GetObjectVersion"`, "")))}, []string{"warning bucket-shared"}},
		"another account, by canonical":      {[]func(*configbucket.Posture){withPolicy(policy(allow(`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, `"s3:GetObject"`, "")))}, []string{"warning bucket-shared"}},
		"another account may only write":     {[]func(*configbucket.Posture){withPolicy(policy(allow(`{"AWS":"999999999999"}`, `"s3:PutObject"`, "")))}, nil},
		"a service":                          {[]func(*configbucket.Posture){withPolicy(policy(allow(`{"Service":"cloudtrail.amazonaws.com"}`, `"s3:GetObject"`, "")))}, nil},
		"no policy":                          {[]func(*configbucket.Posture){withPolicy("")}, []string{"info bucket-plain-http"}},
		"policy that is none":                {[]func(*configbucket.Posture){withPolicy("{")}, []string{"info bucket-plain-http"}},
		"one statement, not in a list":       {[]func(*configbucket.Posture){withPolicy(`{"Statement":` + refusePlainHTTP + `}`)}, nil},
		"TLS asked for by a boolean":         {[]func(*configbucket.Posture){withPolicy(`{"Statement":` + strings.Replace(refusePlainHTTP, `"false"`, `false`, 1) + `}`)}, nil},
		"TLS asked for in another partition": {[]func(*configbucket.Posture){withPolicy(`{"Statement":` + strings.ReplaceAll(refusePlainHTTP, "arn:aws:", "arn:aws-eusc:") + `}`)}, nil},
		"TLS asked for of others only":       {[]func(*configbucket.Posture){withPolicy(`{"Statement":` + strings.Replace(refusePlainHTTP, `"*"`, `{"AWS":"999999999999"}`, 1) + `}`)}, []string{"info bucket-plain-http"}},
		"TLS asked for of one folder":        {[]func(*configbucket.Posture){withPolicy(`{"Statement":` + strings.ReplaceAll(refusePlainHTTP, `acme/*`, `acme/prod/*`) + `}`)}, []string{"info bucket-plain-http"}},
		"TLS asked for, other way round":     {[]func(*configbucket.Posture){withPolicy(`{"Statement":` + strings.Replace(refusePlainHTTP, `"false"`, `"true"`, 1) + `}`)}, []string{"info bucket-plain-http"}},
		"not encrypted":                      {[]func(*configbucket.Posture){func(p *configbucket.Posture) { p.Encrypted = false }}, []string{"warning bucket-not-encrypted"}},
		"not versioned":                      {[]func(*configbucket.Posture){func(p *configbucket.Posture) { p.Versioned = false }}, []string{"info bucket-not-versioned"}},
		"ACLs count":                         {[]func(*configbucket.Posture){withACL(grant("us", "", types.PermissionFullControl))}, []string{"info bucket-acls-enabled"}},
		"ACL for everybody":                  {[]func(*configbucket.Posture){open, withACL(grant("", "global/AllUsers", types.PermissionRead))}, []string{"error bucket-public", "warning bucket-public-access-unblocked", "info bucket-acls-enabled"}},
		"ACL for everybody with a user":      {[]func(*configbucket.Posture){open, withACL(grant("", "global/AuthenticatedUsers", types.PermissionWrite))}, []string{"error bucket-public", "warning bucket-public-access-unblocked", "info bucket-acls-enabled"}},
		"ACL for everybody, overruled":       {[]func(*configbucket.Posture){withACL(grant("", "global/AllUsers", types.PermissionRead))}, []string{"info bucket-acls-enabled"}},
		"ACL for everybody, ACLs off":        {[]func(*configbucket.Posture){open, withACL(grant("", "global/AllUsers", types.PermissionRead)), func(p *configbucket.Posture) { p.ACLsDisabled = true }}, []string{"warning bucket-public-access-unblocked"}},
		"ACL for another account":            {[]func(*configbucket.Posture){withACL(grant("79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", "", types.PermissionRead))}, []string{"warning bucket-shared", "info bucket-acls-enabled"}},
		"ACL for S3's log delivery":          {[]func(*configbucket.Posture){withACL(grant("", "s3/LogDelivery", types.PermissionWrite))}, []string{"info bucket-acls-enabled"}},
		"nothing may be seen":                {[]func(*configbucket.Posture){func(p *configbucket.Posture) { *p = blind() }}, []string{"warning bucket-unchecked"}},
		"grant without grantee":              {[]func(*configbucket.Posture){withACL(types.Grant{Permission: types.PermissionRead})}, []string{"info bucket-acls-enabled"}},
		"an empty policy, and public yet":    {[]func(*configbucket.Posture){open, withPolicy("{}"), func(p *configbucket.Posture) { p.PolicyPublic = true }}, []string{"error bucket-public", "warning bucket-public-access-unblocked", "info bucket-plain-http"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			posture := sound()
			for _, change := range test.change {
				change(&posture)
			}
			got := posture.Findings("123456789012")
			if !slices.Equal(lines(got), test.want) {
				t.Errorf("got %q, want %q", lines(got), test.want)
			}
			for _, f := range got {
				known := slices.ContainsFunc(configbucket.Codes, func(code finding.Code) bool { return code.Code == f.Code })
				if !known || f.Message == "" || f.Fix == "" {
					t.Errorf("%+v is not whole, or its code is not documented", f)
				}
			}
		})
	}
}

func blind() configbucket.Posture {
	return configbucket.Posture{Bucket: "acme", Denied: []string{
		"s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl",
		"s3:GetBucketOwnershipControls", "s3:GetEncryptionConfiguration", "s3:GetBucketVersioning",
	}}
}

func TestObjectFindings(t *testing.T) {
	tests := map[string]struct {
		grants []types.Grant
		want   []string
	}{
		"its owners'":        {[]types.Grant{grant("us", "", types.PermissionFullControl), grant("uploader", "", types.PermissionFullControl)}, nil},
		"everybody":          {[]types.Grant{grant("", "global/AllUsers", types.PermissionRead)}, []string{"error object-public"}},
		"everybody, the ACL": {[]types.Grant{grant("", "global/AllUsers", types.PermissionReadAcp)}, nil},
		"another account":    {[]types.Grant{grant("79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", "", types.PermissionRead)}, []string{"warning object-shared"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := lines(sound().ObjectFindings("uploader", test.grants)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// client answers as for a bucket with nothing configured, or with errors.
type client struct {
	mutex sync.Mutex
	calls int
	err   func(call string) error
}

func (c *client) answer(call string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.calls++
	return c.err(call)
}

func (c *client) GetPublicAccessBlock(context.Context, *s3.GetPublicAccessBlockInput, ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error) {
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}, c.answer("GetPublicAccessBlock")
}

func (c *client) GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error) {
	return &s3.GetBucketPolicyOutput{Policy: aws.String("{}")}, c.answer("GetBucketPolicy")
}

func (c *client) GetBucketPolicyStatus(context.Context, *s3.GetBucketPolicyStatusInput, ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error) {
	return &s3.GetBucketPolicyStatusOutput{}, c.answer("GetBucketPolicyStatus")
}

func (c *client) GetBucketAcl(context.Context, *s3.GetBucketAclInput, ...func(*s3.Options)) (*s3.GetBucketAclOutput, error) {
	return &s3.GetBucketAclOutput{Owner: &types.Owner{ID: aws.String("us")}}, c.answer("GetBucketAcl")
}

func (c *client) GetBucketOwnershipControls(context.Context, *s3.GetBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error) {
	return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}}},
		c.answer("GetBucketOwnershipControls")
}

func (c *client) GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error) {
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{}}}}, c.answer("GetBucketEncryption")
}

func (c *client) GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error) {
	return &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatusEnabled}, c.answer("GetBucketVersioning")
}

func TestLook(t *testing.T) {
	answers := func(codes map[string]string) func(string) error {
		return func(call string) error {
			code, ok := codes[call]
			if !ok {
				code, ok = codes[""]
			}
			if !ok {
				return nil
			}
			return &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient}
		}
	}
	none := map[string]string{
		"GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration", "GetBucketPolicy": "NoSuchBucketPolicy", "GetBucketPolicyStatus": "NoSuchBucketPolicy",
		"GetBucketOwnershipControls": "OwnershipControlsNotFoundError", "GetBucketEncryption": "ServerSideEncryptionConfigurationNotFoundError",
	}
	tests := map[string]struct {
		codes map[string]string
		want  []string
		fails bool
	}{
		"all is configured": {nil, []string{"warning bucket-public-access-unblocked", "info bucket-plain-http"}, false},
		"nothing is":        {none, []string{"warning bucket-public-access-unblocked", "warning bucket-not-encrypted", "info bucket-plain-http", "info bucket-acls-enabled"}, false},
		"all is denied":     {map[string]string{"": "AccessDenied"}, []string{"warning bucket-unchecked"}, false},
		"one is not known":  {map[string]string{"GetBucketPolicyStatus": "NotImplemented"}, []string{"warning bucket-public-access-unblocked", "info bucket-plain-http", "warning bucket-unchecked"}, false},
		"one is throttled":  {map[string]string{"GetBucketAcl": "SlowDown"}, nil, true},
		"bucket is gone":    {map[string]string{"": "NoSuchBucket"}, nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := &client{err: answers(test.codes)}
			posture, err := configbucket.Look(t.Context(), c, "acme")
			if (err != nil) != test.fails {
				t.Fatalf("got the error %v", err)
			}
			if err != nil {
				if _, ok := errors.AsType[smithy.APIError](err); !ok {
					t.Errorf("%v hides what S3 answered", err)
				}
				return
			}
			if got := lines(posture.Findings("")); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if c.calls != 7 {
				t.Errorf("%d calls", c.calls)
			}
		})
	}
}

// What another account may read is not told where the own account is unknown.
func TestUnknownAccount(t *testing.T) {
	posture := sound()
	posture.Policy = policy(`{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"s3:GetObject","Resource":"*"}`)
	if got := posture.Findings(""); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(policy())
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:Get*"],"Resource":"*"}}`)
	f.Add(`{"Statement":[{"Principal":7}]}`)
	f.Add(`{"Statement":{"Action":"\\E(","Effect":"Allow","Principal":"*"}}`)
	f.Fuzz(func(t *testing.T, document string) {
		posture := sound()
		posture.Policy = document
		posture.Findings("123456789012")
	})
}
