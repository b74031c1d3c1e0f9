package configobject_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// judgesOfFiles are those that the function has.

// real makes the function with its own judges.
func real(b *bucket, c *clusters) *warm {
	return configobject.New(withMode(finding.Enforce), configobject.Clients{Storage: b, Clusters: c, Roles: b, Account: wholeAccount{b}, Identity: b, Region: "us-east-1"}, time.Now)
}

func TestCluster(t *testing.T) {
	dns := func(notFound bool) error { return &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: notFound}} }
	known := map[string]string{"us-east-1/prod": "ACTIVE", "eu-west-1/prod": "ACTIVE", "us-east-1/new": "PROVISIONING", "us-east-1/old": "INACTIVE"}
	tests := map[string]struct {
		content string
		err     error
		want    []string // codes
		status  finding.Status
		tag     string
	}{
		"active":                       {"ECS_CLUSTER=prod\n", nil, nil, finding.Compliant, "valid"},
		"about to be":                  {"ECS_CLUSTER=new\n", nil, nil, finding.Compliant, "valid"},
		"active, by ARN":               {"ECS_CLUSTER=arn:aws:ecs:us-east-1:123456789012:cluster/prod\n", nil, nil, finding.Compliant, "valid"},
		"active in its region":         {"ECS_CLUSTER=prod\nAWS_DEFAULT_REGION=eu-west-1\n", nil, nil, finding.Compliant, "valid"},
		"active in its ARN's":          {"ECS_CLUSTER=arn:aws:ecs:eu-west-1:123456789012:cluster/prod\nAWS_DEFAULT_REGION=eu-west-1\n", nil, nil, finding.Compliant, "valid"},
		"missing":                      {"# prod\nECS_CLUSTER=prd\n", nil, []string{"cluster-missing"}, finding.Noncompliant, "valid"},
		"missing in its region":        {"ECS_CLUSTER=new\nAWS_DEFAULT_REGION=eu-west-1\n", nil, []string{"cluster-missing"}, finding.Noncompliant, "valid"},
		"missing, by ARN":              {"ECS_CLUSTER=arn:aws:ecs:eu-west-1:123456789012:cluster/new\nAWS_DEFAULT_REGION=eu-west-1\n", nil, []string{"cluster-missing"}, finding.Noncompliant, "valid"},
		"deleted":                      {"ECS_CLUSTER=old\n", nil, []string{"cluster-inactive"}, finding.Noncompliant, "valid"},
		"none named":                   {"ECS_LOGLEVEL=info\n", nil, []string{"cluster-not-set"}, finding.Compliant, "valid"},
		"no cluster's name":            {"ECS_CLUSTER=my cluster\n", nil, []string{"cluster-invalid"}, finding.Noncompliant, "invalid"},
		"region of another spelling":   {"ECS_CLUSTER=prod\nAWS_DEFAULT_REGION=Frankfurt\n", nil, nil, "", ""},
		"region without ECS":           {"ECS_CLUSTER=prod\nAWS_DEFAULT_REGION=us-east-9\n", dns(true), []string{"cluster-region-unknown"}, finding.Noncompliant, "valid"},
		"name server does not answer":  {"ECS_CLUSTER=prod\n", dns(false), []string{"call-retried"}, finding.Failed, ""},
		"denied":                       {"ECS_CLUSTER=prod\n", apiError("AccessDeniedException"), []string{"cluster-unchecked"}, finding.Noncompliant, "valid"},
		"region that is not turned on": {"ECS_CLUSTER=prod\nAWS_DEFAULT_REGION=ap-east-1\n", apiError("UnrecognizedClientException"), []string{"cluster-unchecked"}, finding.Noncompliant, "valid"},
		"throttled":                    {"ECS_CLUSTER=prod\n", apiError("ThrottlingException"), []string{"call-retried"}, finding.Failed, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true}
			id := b.put("ecs.config", test.content, nil)
			c := &clusters{status: known, err: test.err}
			function := real(b, c)
			result := one(t, handleBy(t, function, uploaded("ecs.config", id)))
			if test.status == "" {
				if c.calls != 0 {
					t.Error("a region that cannot be one was asked")
				}
				return
			}
			if result.Status != test.status || !slices.Equal(codes(result), test.want) {
				t.Errorf("got %s %q, want %q", result.Status, codes(result), test.want)
			}
			if got := b.tagsOf("ecs.config", id); test.tag != "" && !slices.Contains(got, "ecs-config-status="+test.tag) {
				t.Errorf("got tags %q", got)
			}
			for _, f := range result.Findings {
				if f.Variable == "ECS_CLUSTER" && f.Code != "cluster-not-set" && (f.Line == 0 || f.Column == 0) {
					t.Errorf("%+v has no place", f)
				}
			}
			if test.status != finding.Failed && c.calls == 1 {
				handleBy(t, function, uploaded("ecs.config", id))
				if c.calls != 1 {
					t.Error("the cluster was not remembered")
				}
			}
		})
	}
}

// A file about a cluster that is made a moment later is not restored over.
func TestMissingClusterDoesNotRestore(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "ECS_CLUSTER=prod\n", nil)
	id := b.put("ecs.config", "ECS_CLUSTER=next\n", nil)
	function := configobject.New(restoring(finding.Enforce), configobject.Clients{Storage: b, Clusters: &clusters{}, Roles: b, Account: wholeAccount{b}, Identity: b, Region: "us-east-1"}, time.Now)
	result := one(t, handleBy(t, function, uploaded("ecs.config", id)))
	if !slices.Equal(codes(result), []string{"cluster-missing"}) || b.top("ecs.config").id != id {
		t.Errorf("got %+v", result)
	}
}

func TestBucket(t *testing.T) {
	everybody := types.Grant{Grantee: &types.Grantee{URI: aws.String("http://acs.amazonaws.com/groups/global/AllUsers")}, Permission: types.PermissionRead}
	stranger := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"s3:GetObject","Resource":"*"},` + tlsOnly[len(`{"Statement":`):len(tlsOnly)-1] + `]}`
	tests := map[string]struct {
		b      *bucket
		denied string
		want   []string
	}{
		"sound":                  {&bucket{versioning: true}, "", nil},
		"public object":          {&bucket{versioning: true, unblocked: true, objectGrants: []types.Grant{everybody}}, "", []string{"bucket-public-access-unblocked", "bucket-acls-enabled", "object-public"}},
		"blocked by the account": {&bucket{versioning: true, unblocked: true, accountBlocks: true, objectGrants: []types.Grant{everybody}}, "", []string{"bucket-acls-enabled"}},
		"the account's block not shown": {
			&bucket{versioning: true, unblocked: true}, "GetPublicAccessBlock of the account", []string{"bucket-public-access-unblocked", "bucket-acls-enabled", "bucket-unchecked"},
		},
		"ACL not readable":  {&bucket{versioning: true, unblocked: true}, "GetObjectAcl", []string{"bucket-public-access-unblocked", "bucket-acls-enabled", "bucket-unchecked"}},
		"shared":            {&bucket{versioning: true, policy: stranger}, "", []string{"bucket-shared"}},
		"account not known": {&bucket{versioning: true, policy: stranger}, "GetCallerIdentity", nil},
		"policy not shown":  {&bucket{versioning: true}, "GetBucketPolicy", []string{"bucket-unchecked"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.b.before = func(call, _ string) error {
				if call == test.denied {
					return apiError("AccessDenied")
				}
				return nil
			}
			id := test.b.put("ecs.config", "", nil)
			result := one(t, handle(t, withMode(finding.Enforce), test.b, uploaded("ecs.config", id)))
			if !slices.Equal(codes(result), test.want) {
				t.Errorf("got %q, want %q", codes(result), test.want)
			}
			if got := test.b.tagsOf("ecs.config", id); !slices.Contains(got, "ecs-config-status=valid") {
				t.Errorf("the bucket's faults are in the file's tags: %q", got)
			}
		})
	}
}

func TestOwnAccountFromTheSettings(t *testing.T) {
	b := &bucket{versioning: true, policy: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"s3:GetObject","Resource":"*"}}`}
	id := b.put("ecs.config", "", nil)
	settings := withMode(finding.Enforce)
	settings.OwnRoles = []string{"arn:aws:iam::999999999999:role/validate-config"}
	result := one(t, handle(t, settings, b, uploaded("ecs.config", id)))
	if slices.Contains(codes(result), "bucket-shared") || slices.Contains(b.calls, "GetCallerIdentity") {
		t.Errorf("got %q, calls %q", codes(result), b.calls)
	}
}

// What was in order is believed for five minutes, what was not for ten seconds.
func TestBucketIsRemembered(t *testing.T) {
	for _, unblocked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := &bucket{versioning: true, unblocked: unblocked}
			function := function(withMode(finding.Enforce), b, &clusters{})
			looks := func() int {
				handleBy(t, function, uploaded("ecs.config", b.put("ecs.config", "", nil)))
				count := 0
				for _, call := range b.calls {
					if call == "GetBucketAcl" {
						count++
					}
				}
				return count
			}
			lasts := 5 * time.Minute
			if unblocked {
				lasts = 10 * time.Second
			}
			first := looks()
			time.Sleep(lasts - time.Second)
			warm := looks()
			time.Sleep(time.Second)
			if cold := looks(); first != 1 || warm != 1 || cold != 2 {
				t.Errorf("unblocked %t: looked %d, %d, %d times", unblocked, first, warm, cold)
			}
		})
	}
}

// More buckets than are remembered are no harm.
func TestManyBuckets(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "", nil)
	function := function(withMode(finding.Enforce), b, &clusters{})
	for i := range 250 {
		one(t, handleBy(t, function, fmt.Sprintf(`{"bucket":"acme-%d","key":"ecs.config"}`, i)))
	}
	before := len(b.calls)
	one(t, handleBy(t, function, `{"bucket":"acme-249","key":"ecs.config"}`))
	if got := len(b.calls) - before; got != 2 {
		t.Errorf("the last bucket was forgotten: %d calls", got)
	}
}

// An environment file is read as the agent reads one, and names no cluster.
func TestEnvironmentFile(t *testing.T) {
	tests := map[string]struct {
		key, content string
		want         []string
	}{
		"fine":                {"prod/web.env", "PORT=8080\nECS_CLUSTER=prd\n", nil},
		"quoted":              {"prod/web.env", "PORT=\"8080\"\n", []string{"environment-value-quoted"}},
		"with another ending": {"prod/web.vars", "PORT=8080\n", []string{"environment-file-extension"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true}
			id := b.put(test.key, test.content, nil)
			settings := withMode(finding.Enforce)
			settings.EnvironmentFileSuffixes = []configobject.Suffix{".env", ".vars"}
			function := configobject.New(settings, configobject.Clients{Storage: b, Clusters: &clusters{}, Roles: b, Account: wholeAccount{b}, Identity: b, Region: "us-east-1"}, time.Now)
			if result := one(t, handleBy(t, function, uploaded(test.key, id))); !slices.Equal(codes(result), test.want) {
				t.Errorf("got %+v", result.Findings)
			}
		})
	}
}
