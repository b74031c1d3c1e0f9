package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// maxEvent is Lambda's limit for an event, 6 MB, with room for a copy that was
// kept with indentation.
const maxEvent = 16 << 20

// Settings is any function's settings struct: one that embeds settings.Shared.
type Settings interface{ SharedSettings() settings.Shared }

// Main starts a function: inside Lambda it serves invocations, elsewhere it
// takes one event from a file or standard input, acts once with the shell's AWS
// credentials, prints the report and exits. Build makes the function from its
// settings; it calls nothing.
func Main[T Settings](name string, build func(T, aws.Config) Runner) {
	ctx := context.Background()
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		explainIfAsked(os.Args[1:])
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
		code := commandLine(ctx, name, build, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	log := slog.New(lambdacontext.NewLogHandler())
	handler, err := assemble(ctx, name, build, os.Environ(), log, os.Stdout)
	if err != nil {
		log.Error("start", slog.String("error", err.Error()))
		os.Exit(exitcode.CouldNotRun)
	}
	lambda.Start(handler)
}

func assemble[T Settings](ctx context.Context, name string, build func(T, aws.Config) Runner, environ []string, log *slog.Logger, metrics io.Writer) (*reporter, error) {
	loaded, err := settings.Load[T](name, environ)
	if err != nil {
		return nil, err
	}
	configuration, err := awsclient.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	return &reporter{
		runner:  build(loaded, configuration),
		events:  eventbridge.NewFromConfig(configuration),
		bus:     loaded.SharedSettings().FindingsBus,
		stack:   loaded.SharedSettings().StackName,
		log:     log,
		metrics: metrics,
		now:     time.Now,
	}, nil
}

// commandLine runs a function once outside Lambda. Findings are published only
// where FINDINGS_BUS is set, so that a look from a shell stays private.
func commandLine[T Settings](ctx context.Context, name string, build func(T, aws.Config) Runner, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-version") {
		_, _ = fmt.Fprintf(stdout, "%s %s\n", name, version.Text())
		return exitcode.OK
	}
	if len(args) != 1 || args[0] == "-h" || args[0] == "--help" {
		code := exitcode.CouldNotRun
		if len(args) == 1 {
			code = exitcode.OK
		}
		_, _ = fmt.Fprintf(stderr, `usage: %s EVENT.json
       %s -            (the event on standard input)
       %s explain CODE (what a finding's code means, and what to do)
       %s --version

Acts once with the shell's AWS credentials and region, and prints the report.
MODE=enforce applies; the default, MODE=dry-run, only plans.
FINDINGS_BUS=NAME also publishes the findings.
Exit code 0, 1 (a finding of severity error stands) or 2 (could not run).
`, name, name, name, name)
		return code
	}
	payload, err := readEvent(args[0], stdin)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return exitcode.CouldNotRun
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError + 1}))
	assembled, err := assemble(ctx, name, build, os.Environ(), log, io.Discard)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return exitcode.CouldNotRun
	}
	outcome := assembled.runner.Handle(ctx, payload)
	report := outcome.Report()
	printed, err := json.MarshalIndent(report, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", printed)
	}
	if _, wanted := os.LookupEnv("FINDINGS_BUS"); wanted {
		err = errors.Join(err, assembled.publish(ctx, outcome))
	}
	if err = errors.Join(outcome.err(), err); err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return exitcode.CouldNotRun
	}
	if report.HasError() {
		return exitcode.Findings
	}
	return exitcode.OK
}

func readEvent(path string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open the event: %w", err)
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	payload, err := io.ReadAll(io.LimitReader(from, maxEvent+1))
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	if len(payload) > maxEvent {
		return nil, fmt.Errorf("read the event: %s is larger than the %d MiB that any event can have", path, maxEvent>>20)
	}
	return payload, nil
}
