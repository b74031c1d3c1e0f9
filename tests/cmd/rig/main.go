// Rig runs the local stack of a checkout.
//
//	rig up      start the stack; print the shell lines that lead to it
//	rig down    stop it
//	rig invoke  send an event file to a function with sam remote invoke
//	rig parameters  look through the parameters that sam deploy would be given
//	rig guide   ask for the parameters that most stacks set, and save the answers
//	rig tools   install tools and print the folder of their programs
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

	"github.com/ecs-guardrails/ecs-guardrails/tests/samconfig"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("which command? up, down, invoke, parameters, guide or tools")
	}
	checkout, err := stack.Checkout()
	if err != nil {
		return err
	}
	name, arguments := arguments[0], arguments[1:]
	flags := flag.NewFlagSet("rig "+name, flag.ContinueOnError)
	switch name {
	case "up":
		template := flags.String("template", "", "SAM template (default template.yaml of the checkout)")
		if err := flags.Parse(arguments); err != nil {
			return err
		}
		return up(ctx, checkout, *template)
	case "serve":
		template := flags.String("template", "", "SAM template")
		if err := flags.Parse(arguments); err != nil {
			return err
		}
		return serve(ctx, checkout, *template)
	case "down":
		return down(ctx, checkout)
	case "invoke":
		function := flags.String("function", "", "function, as in validate-config")
		event := flags.String("event", "", "event file")
		stackName := flags.String("stack", "", "stack in the shell's AWS account (default: the running local stack)")
		environment := flags.String("env", "", "environment of samconfig.toml that names the stack")
		if err := flags.Parse(arguments); err != nil {
			return err
		}
		if *environment != "" && *stackName == "" {
			deployed, err := samconfig.Read(samconfig.Path(checkout), *environment)
			if err != nil {
				return err
			}
			*stackName = deployed.Stack
		}
		return invoke(ctx, checkout, *function, *event, *stackName)
	case "parameters":
		environment := flags.String("env", "default", "environment of samconfig.toml")
		if err := flags.Parse(arguments); err != nil {
			return err
		}
		return parameters(checkout, *environment, flags.Args())
	case "guide":
		environment := flags.String("env", "default", "environment of samconfig.local.toml")
		if err := flags.Parse(arguments); err != nil {
			return err
		}
		template, err := samtemplate.Load(filepath.Join(checkout, "template.yaml"))
		if err != nil {
			return err
		}
		return samconfig.GuideInto(filepath.Join(checkout, samconfig.Own), *environment, template, os.Stdin, os.Stdout)
	case "tools":
		for _, environment := range arguments {
			programs, err := toolchain.Install(ctx, checkout, toolchain.Environment(environment), os.Stderr)
			if err != nil {
				return err
			}
			fmt.Println(programs)
		}
		return nil
	}
	return fmt.Errorf("unknown command %q; there are up, down, invoke, parameters, guide and tools", name)
}
