// Dist builds the programs that people run without Lambda for the systems that
// they use, an archive for each, with checksums and a bill of materials. With
// -release, it makes the whole release: the functions' packages, templates that
// need no Go, and a statement of provenance, too.
//
//	dist [-out DIRECTORY] [-only OS/ARCHITECTURE] [-release [-bucket NAME]]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/tests/release"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	checkout, err := stack.Checkout()
	if err != nil {
		return err
	}
	options := release.Options{
		Checkout: checkout, Platforms: release.Platforms, Compile: release.Go(checkout), Materials: release.Bill(checkout), Now: time.Now,
	}
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.StringVar(&options.Out, "out", filepath.Join(checkout, "dist"), "`directory` of what is made")
	flags.BoolVar(&options.Complete, "release", false, "make the whole release")
	flags.StringVar(&options.Bucket, "bucket", "", "with -release, `name` of a bucket to upload the packages to")
	only := flags.String("only", "", "one `system/architecture` of the programs, as in linux/arm64 (default all)")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *only != "" {
		system, architecture, _ := strings.Cut(*only, "/")
		options.Platforms = []release.Platform{{System: system, Architecture: architecture}}
		if !slices.Contains(release.Platforms, options.Platforms[0]) {
			return fmt.Errorf("%q is none of %v", *only, release.Platforms)
		}
	}
	if options.Bucket != "" && !options.Complete {
		return errors.New("-bucket goes with -release")
	}
	if options.Source, err = release.Head(ctx, checkout); err != nil {
		return err
	}
	module, err := exec.CommandContext(ctx, "go", "-C", checkout, "list", "-m").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	options.Run = release.Here("https://"+strings.TrimSpace(string(module)), "dist "+strings.Join(arguments, " "), os.LookupEnv, time.Now())
	var client *s3.Client
	region := ""
	if options.Bucket != "" {
		// Before minutes of building, not after them.
		configuration, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return fmt.Errorf("reading the shell's AWS configuration: %w", err)
		}
		client = s3.NewFromConfig(configuration)
		if region, err = release.Region(ctx, client, options.Bucket); err != nil {
			return err
		}
	}
	names, err := release.Make(ctx, options)
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Fprintln(os.Stderr, filepath.Join(options.Out, filepath.FromSlash(name)))
	}
	if !options.Complete {
		return nil
	}
	return announce(ctx, options, client, region, names)
}

// announce uploads what was made, if there is a bucket, and prints how to deploy
// it.
func announce(ctx context.Context, options release.Options, client *s3.Client, region string, names []string) error {
	if client == nil {
		fmt.Printf("sam deploy --template-file %s --stack-name ecs-guardrails --resolve-s3 --capabilities CAPABILITY_IAM\n", filepath.Join(options.Out, "template-arm64.yaml"))
		return nil
	}
	version, err := options.Source.Version()
	if err != nil {
		return err
	}
	if err := release.Upload(ctx, client, options.Out, options.Bucket, version, names); err != nil {
		return err
	}
	command, page, err := release.Deploy(ctx, filepath.Join(options.Out, "template.yaml"), options.Bucket, region, version)
	fmt.Println(command)
	if page != "" {
		fmt.Println(page)
	}
	return err
}
