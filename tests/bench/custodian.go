package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/runtimeinterface"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// sweepRoles asks for a look at roles alone, as Cloud Custodian's policy does.
const sweepRoles = `{"only":["roles"]}`

// comparison is one of sweep with Cloud Custodian over the same roles.
type comparison struct {
	roles                      int
	sweep, custodian           []time.Duration
	sweepCalls, custodianCalls int
}

// compare has both look at roles that are all fine, in turn. Both start again
// each time: sweep as a function that was not running, Custodian as a command.
func (r *runner) compare(ctx context.Context, custodian string, account *operator.Operator, roles, rounds int) (result comparison, err error) {
	if err := makeFine(ctx, account, roles); err != nil {
		return result, err
	}
	if result.roles, err = countRoles(ctx, account); err != nil {
		return result, err
	}
	record := account.Stack.Record
	for range rounds {
		mark := record.Mark()
		took, err := r.sweep(ctx, account.Stack, roles)
		if err != nil {
			return result, err
		}
		result.sweep, result.sweepCalls = append(result.sweep, took), 0
		for _, call := range record.Since(mark) {
			if call.Caller == "sweep" {
				result.sweepCalls++
			}
		}

		mark = record.Mark()
		if took, err = r.custodian(ctx, custodian, account.Stack); err != nil {
			return result, err
		}
		result.custodian, result.custodianCalls = append(result.custodian, took), persons(account.Stack, mark)
	}
	return result, nil
}

// sweep has a function that was not running look at the roles, and fails where
// it does not find all of them to be fine.
func (r *runner) sweep(ctx context.Context, running *stack.Stack, roles int) (time.Duration, error) {
	process, err := runtimeinterface.Start(ctx, r.emulator, r.shipped("sweep", running.Endpoint))
	if err != nil {
		return 0, err
	}
	defer process.Stop()
	text, took, err := process.Invoke(ctx, []byte(sweepRoles))
	if err != nil {
		return 0, err
	}
	var answer struct{ Summary sweepreport.Summary }
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, fmt.Errorf("read sweep's answer: %w", err)
	}
	found := answer.Summary.Kinds
	index := slices.IndexFunc(found, func(kind sweepreport.Kind) bool { return kind.Name == "roles" })
	if !answer.Summary.Complete || index < 0 || found[index].Listed < roles || found[index].Statuses[finding.Compliant] < roles || len(found[index].Codes) > 0 {
		return 0, fmt.Errorf("sweep did not find %d roles to be fine: %s", roles, text)
	}
	return took, nil
}

// makeFine makes instance roles that have the agent's policy.
func makeFine(ctx context.Context, account *operator.Operator, roles int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for number := range roles {
		group.Go(func() error {
			role := fmt.Sprintf("ecsInstanceRole-fine-%05d", number)
			if _, err := account.CreateInstanceRole(ctx, role); err != nil {
				return err
			}
			_, err := account.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: aws.String(operator.AgentPolicy)})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make roles: %w", err)
	}
	return nil
}

func countRoles(ctx context.Context, account *operator.Operator) (int, error) {
	count := 0
	pages := iam.NewListRolesPaginator(account.IAM, &iam.ListRolesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, fmt.Errorf("count the roles: %w", err)
		}
		count += len(page.Roles)
	}
	return count, nil
}

// custodian runs the policy for roles once, and fails where it finds anything.
func (r *runner) custodian(ctx context.Context, program string, running *stack.Stack) (time.Duration, error) {
	found, took, err := r.runCustodian(ctx, program, filepath.Join(r.sources, "custodian", "policy.yml"), running)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("of the roles, which are all fine, Cloud Custodian found %d: %v", len(found), slices.Sorted(maps.Keys(found)))
	}
	return took, err
}

// runCustodian runs policies once, and gives what each finds, as "policy subject".
func (r *runner) runCustodian(ctx context.Context, program, policies string, running *stack.Stack) (map[string]bool, time.Duration, error) {
	folder, err := os.MkdirTemp(r.folder, "custodian-")
	if err != nil {
		return nil, 0, fmt.Errorf("make a folder for Cloud Custodian: %w", err)
	}
	command := exec.CommandContext(ctx, program, "run", "--output-dir", folder, "--region", stack.Region, "--cache-period", "0", "--dryrun", policies)
	command.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + folder, "NO_PROXY=127.0.0.1", "AWS_EC2_METADATA_DISABLED=true"}
	for _, variable := range running.Variables() {
		command.Env = append(command.Env, variable.Name+"="+variable.Value)
	}
	started := time.Now()
	text, err := command.CombinedOutput()
	took := time.Since(started)
	if err != nil {
		return nil, 0, fmt.Errorf("run Cloud Custodian: %w\n%s", err, toolchain.LastLines(string(text), 15))
	}
	results, err := filepath.Glob(filepath.Join(folder, "*", "resources.json"))
	if err != nil || len(results) == 0 {
		return nil, 0, fmt.Errorf("cloud custodian left no results: %v\n%s", err, toolchain.LastLines(string(text), 15))
	}
	faults := map[string]bool{}
	for _, path := range results {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, fmt.Errorf("read what Cloud Custodian found: %w", err)
		}
		// Its resources are what AWS answers, each kind with its own name.
		var found []struct {
			RoleName, Name, ARN string
			TaskDefinitionArn   string `json:"taskDefinitionArn"`
		}
		if err := json.Unmarshal(content, &found); err != nil {
			return nil, 0, fmt.Errorf("read what Cloud Custodian found: %w", err)
		}
		for _, one := range found {
			faults[filepath.Base(filepath.Dir(path))+" "+cmp.Or(one.RoleName, one.TaskDefinitionArn, one.ARN, one.Name)] = true
		}
	}
	return faults, took, nil
}
