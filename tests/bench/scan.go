package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/scancommand"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// What is in the account beside the roles: of each kind, one of faultCycle has a
// fault that Cloud Custodian can find, too.
const (
	scanFamilies, scanSecrets, scanBuckets, scanRoles = 120, 20, 8, 10

	faultCycle = 4
)

// look is what one of the two says of the account.
type look struct {
	took  time.Duration
	calls int
	// faults has the subjects with a fault, as "kind name".
	faults map[string]bool
}

// scans is a scan against Cloud Custodian over the same account.
type scans struct {
	subjects        int
	scan, custodian []look
}

// compareScans has both look at roles, config files or buckets, task definitions
// and secrets, in turn, each as a command that starts.
func (r *runner) compareScans(ctx context.Context, checkout, custodian string, account *operator.Operator, rounds int) (scans, error) {
	var result scans
	if err := plant(ctx, account); err != nil {
		return result, err
	}
	program, err := scancommand.Build(ctx, checkout, r.folder)
	if err != nil {
		return result, err
	}
	policies, err := r.accountPolicies(account.Stack.Registry.Host)
	if err != nil {
		return result, err
	}
	for range rounds {
		one, subjects, err := scan(ctx, program, account.Stack)
		if err != nil {
			return result, err
		}
		result.scan, result.subjects = append(result.scan, one), subjects
		mark := account.Stack.Record.Mark()
		found, took, err := r.runCustodian(ctx, custodian, policies, account.Stack)
		if err != nil {
			return result, err
		}
		result.custodian = append(result.custodian, look{took: took, calls: persons(account.Stack, mark), faults: found})
	}
	return result, result.faultsAreFound()
}

// accountPolicies writes Cloud Custodian's policies for the registry's images.
func (r *runner) accountPolicies(registry string) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.sources, "custodian", "account.yml"))
	if err != nil {
		return "", fmt.Errorf("read Cloud Custodian's policies: %w", err)
	}
	path := filepath.Join(r.folder, "account.yml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "REGISTRY", registry)), 0o600); err != nil {
		return "", fmt.Errorf("write Cloud Custodian's policies: %w", err)
	}
	return path, nil
}

// persons counts the calls since a mark that no function made.
func persons(running *stack.Stack, mark int) int {
	count := 0
	for _, call := range running.Record.Since(mark) {
		if call.Caller == awscall.Person {
			count++
		}
	}
	return count
}

// scan looks once, and gives how many subjects it found, too.
func scan(ctx context.Context, program string, running *stack.Stack) (look, int, error) {
	mark := running.Record.Mark()
	summary, took, err := scancommand.Run(ctx, program, running, running.Endpoint, "--only", "roles,config-objects,task-definitions,secrets")
	if err != nil {
		return look{}, 0, err
	}
	subjects, found := 0, map[string]bool{}
	for _, kind := range summary.Kinds {
		subjects += kind.Listed
	}
	for _, result := range summary.Results {
		if slices.ContainsFunc(result.Findings, func(f finding.Finding) bool { return f.Severity != finding.Info }) {
			found[result.Kind+" "+result.Subject] = true
		}
	}
	return look{took: took, calls: persons(running, mark), faults: found}, subjects, nil
}

// faultsAreFound fails where Cloud Custodian found a fault that the scan did not,
// or found none of a kind, which would compare nothing.
func (s scans) faultsAreFound() error {
	scan, custodian := s.scan[len(s.scan)-1].faults, s.custodian[len(s.custodian)-1].faults
	kinds := map[string]int{}
	for _, fault := range slices.Sorted(maps.Keys(custodian)) {
		kind, name, _ := strings.Cut(fault, " ")
		kinds[kind]++
		if !slices.ContainsFunc(slices.Collect(maps.Keys(scan)), func(found string) bool { return sameSubject(found, kind, name) }) {
			return fmt.Errorf("cloud custodian finds a fault in %s, the scan none", fault)
		}
	}
	if len(kinds) != 4 {
		return fmt.Errorf("cloud custodian finds faults in %v, not in four kinds", kinds)
	}
	return nil
}

// sameSubject compares a subject of the scan's with one of Cloud Custodian's, which
// knows roles and buckets by their names, and task definitions by their revisions.
func sameSubject(found, kind, name string) bool {
	subject, ok := strings.CutPrefix(found, kind+" ")
	family, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	return ok && (subject == name || kind == "roles" && strings.HasSuffix(subject, "/"+name) ||
		kind == "task-definitions" && subject == family || kind == "config-objects" && strings.HasPrefix(subject, "s3://"+name+"/"))
}

// plant makes what both look at.
func plant(ctx context.Context, account *operator.Operator) error {
	// What was measured has replaced it. A scan looks at a family's newest revision and
	// at those in use, Cloud Custodian at all.
	if _, err := account.ECS.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("private:1")}); err != nil {
		return fmt.Errorf("deregister the revision that was replaced: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for number := range scanRoles {
		group.Go(func() error {
			_, err := account.CreateInstanceRole(ctx, fmt.Sprintf("ecsInstanceRole-wanting-%02d", number))
			return err
		})
	}
	for number := range scanFamilies {
		image := publicImage
		if number%faultCycle == 0 {
			image = account.Stack.Registry.Image()
		}
		group.Go(func() error {
			_, err := account.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
				Family:               aws.String(fmt.Sprintf("scanned-%03d", number)),
				ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Image: &image, Memory: aws.Int32(128)}},
			})
			if err != nil {
				return fmt.Errorf("register a task definition to scan: %w", err)
			}
			return nil
		})
	}
	for number := range scanSecrets {
		group.Go(func() error {
			name := fmt.Sprintf("scanned/%02d", number)
			secret, err := account.CreateSecret(ctx, name, `{"username":"puller","password":"as good as any"}`,
				"ecs-guardrails:registry", account.Stack.Registry.Host+"/"+name, "ecs-guardrails:driver", "manual")
			if err != nil || number%faultCycle == 0 {
				return err
			}
			return account.TurnRotationOn(ctx, secret)
		})
	}
	for number := range scanBuckets {
		group.Go(func() error { return plantBucket(ctx, account, number) })
	}
	return group.Wait()
}

// plantBucket makes a bucket with a config file, which everyone may read for one
// of faultCycle.
func plantBucket(ctx context.Context, account *operator.Operator, number int) error {
	bucket := fmt.Sprintf("scanned-bucket-%02d", number)
	if _, err := account.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		return fmt.Errorf("make a bucket to scan: %w", err)
	}
	if _, err := account.Upload(ctx, bucket, "ecs.config", "ECS_CLUSTER=storefront\n"); err != nil || number%faultCycle != 0 {
		return err
	}
	if _, err := account.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`,
	)}); err != nil {
		return fmt.Errorf("let everyone read %s: %w", bucket, err)
	}
	return nil
}
