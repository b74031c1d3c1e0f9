// Bench measures the functions against yardsticks, in one run on one machine:
// an empty function, a Python function and a bare program that make the same
// AWS calls, and Cloud Custodian. It prints a table and writes it to RESULTS.md
// beside this file. It judges only what would make the figures worthless, such
// as calls that are not the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/runtimeinterface"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

func main() {
	cold := flag.Int("cold", 15, "cold `starts` of each function")
	warm := flag.Int("warm", 101, "`events` that each warm function gets, answered at once")
	// Below a page of GetAccountAuthorizationDetails, for each of which the
	// emulator takes as long as for the whole account.
	roles := flag.Int("roles", 900, "`roles` that sweep and Cloud Custodian look at")
	sweeps := flag.Int("sweeps", 3, "`times` that each of the two looks at them")
	slow := flag.Int("slow", 41, "`events` that each warm function gets, answered as slowly as by the emulator")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, rounds{cold: *cold, warm: *warm, slow: *slow, sweeps: *sweeps, roles: *roles})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds rounds) (err error) {
	checkout, err := stack.Checkout()
	if err != nil {
		return err
	}
	running, err := stack.Start(ctx, stack.Options{
		Checkout: checkout,
		// Nothing answers what is made here but the functions that are measured.
		// Only Secrets Manager may call the deployed rotate-secret, to begin a
		// rotation in which it plans.
		Parameters: map[string]string{"Mode": "off,rotate-secret=dry-run"},
		Progress:   os.Stderr,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	account := operator.New(running)

	r, err := newRunner(ctx, checkout, account)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.folder)) }()
	fmt.Fprintln(os.Stderr, "recording the calls of each event …")
	all, err := occasions(ctx, account)
	if err != nil {
		return err
	}
	var visits []visit
	for _, of := range all {
		calls, err := r.record(ctx, account, of)
		if err != nil {
			return fmt.Errorf("record %s (%s): %w", of.function, of.what, err)
		}
		if of.waits {
			visits = append(visits, visit{occasion: of, coldCalls: len(calls)})
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s: %s …\n", of.function, of.what)
		measured, err := r.visit(ctx, of, calls, rounds)
		if err != nil {
			return fmt.Errorf("measure %s (%s): %w", of.function, of.what, err)
		}
		visits = append(visits, measured)
	}
	fmt.Fprintln(os.Stderr, "measuring cold starts …")
	starts, err := r.starts(ctx, rounds.cold)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "comparing sweep with Cloud Custodian over %d roles …\n", rounds.roles)
	programs, err := toolchain.Install(ctx, checkout, toolchain.Custodian, os.Stderr)
	if err != nil {
		return err
	}
	custodian := filepath.Join(programs, "custodian")
	sweeps, err := r.compare(ctx, custodian, account, rounds.roles, rounds.sweeps)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "comparing a scan with Cloud Custodian …")
	scans, err := r.compareScans(ctx, checkout, custodian, account, rounds.sweeps)
	if err != nil {
		return err
	}
	facts, err := r.machine(ctx, checkout)
	if err != nil {
		return err
	}
	return results{machine: facts, rounds: rounds, starts: starts, visits: visits, sweeps: sweeps, scans: scans}.write(r.sources)
}

// newRunner builds what is measured, and installs what it is measured against.
func newRunner(ctx context.Context, checkout string, account *operator.Operator) (*runner, error) {
	samPrograms, err := toolchain.Install(ctx, checkout, toolchain.SAM, os.Stderr)
	if err != nil {
		return nil, err
	}
	pythonPrograms, err := toolchain.Install(ctx, checkout, toolchain.Boto3, os.Stderr)
	if err != nil {
		return nil, err
	}
	r := &runner{
		python: filepath.Join(pythonPrograms, "python"), sources: filepath.Join(checkout, "tests", "bench"),
		functions: map[string]string{}, environment: map[string][]string{},
	}
	if r.emulator, err = runtimeinterface.Program(samPrograms); err != nil {
		return nil, err
	}
	if r.folder, err = os.MkdirTemp(filepath.Join(checkout, ".local"), "bench-"); err != nil {
		return nil, fmt.Errorf("make a folder for the binaries: %w", err)
	}
	mains, err := filepath.Glob(filepath.Join(checkout, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return nil, errors.Join(fmt.Errorf("there are no functions in %s", checkout), err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		if r.functions[name], err = build(ctx, checkout, "./functions/"+name, r.folder); err != nil {
			return nil, err
		}
		if r.environment[name], err = deployedEnvironment(ctx, account, name); err != nil {
			return nil, err
		}
	}
	if r.empty, err = build(ctx, filepath.Join(checkout, "tests"), "./bench/empty", r.folder); err != nil {
		return nil, err
	}
	r.bare, err = build(ctx, filepath.Join(checkout, "tests"), "./bench/bare", r.folder)
	return r, err
}

// deployedEnvironment gives the variables that the template sets.
func deployedEnvironment(ctx context.Context, account *operator.Operator, function string) ([]string, error) {
	output, err := account.Lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(account.FunctionARN(function))})
	if err != nil {
		return nil, fmt.Errorf("read the settings of %s: %w", function, err)
	}
	var variables []string
	for name, value := range output.Environment.Variables {
		// What is measured may change the account, whatever the deployed ones may.
		if name != "MODE" && name != "MODES" {
			variables = append(variables, name+"="+value)
		}
	}
	return variables, nil
}
