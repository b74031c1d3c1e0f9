package diagnosis

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

const commandUsage = `usage: diagnose-failure --service CLUSTER/NAME [--format text|json]
       diagnose-failure --task ARN [--cluster NAME]
       diagnose-failure --instance i-… [--cluster NAME]
       diagnose-failure --reason 'TEXT'
       diagnose-failure EVENT.json

Says why a service's tasks, a task or an instance failed, with the shell's AWS
credentials and region. Changes nothing.
Exit code: 0 no failure, 1 a failure, 2 could not look.
`

// AsksForDiagnosis says that a command line names what failed, or asks for help
// or the version.
func AsksForDiagnosis(args []string) bool {
	for _, name := range []string{"service", "task", "instance", "help", "h", "version"} {
		if hasFlag(args, name) {
			return true
		}
	}
	return false
}

// Command diagnoses what args name and prints it for people. Build makes the
// function with the shell's credentials. It gives the exit code.
func Command(ctx context.Context, args []string, build func(context.Context) (*Diagnosis, error), stdout, stderr io.Writer) int {
	if hasFlag(args, "version") {
		fmt.Fprintf(stdout, "%s %s\n", Name, version.Text())
		return exitcode.OK
	}
	payload, format, err := requested(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, commandUsage)
		return exitcode.OK
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %s\n%s", Name, diagnostic.Printable(err.Error()), commandUsage)
		return exitcode.CouldNotRun
	}
	diagnosis, err := build(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", Name, err)
		return exitcode.CouldNotRun
	}
	report := diagnosis.Handle(ctx, payload).Report()
	if format == "json" {
		encoder := json.NewEncoder(stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		_, err = io.WriteString(stdout, reportForPeople(report))
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: write the diagnosis: %v\n", Name, err)
		return exitcode.CouldNotRun
	}
	code := exitcode.OK
	for _, result := range report.Results {
		switch {
		case result.Status == finding.Failed, len(result.Findings) > 0 && result.Findings[0].Code == "access-denied", len(result.Findings) > 0 && result.Findings[0].Code == "event-malformed":
			return exitcode.CouldNotRun
		case result.HasError():
			code = exitcode.Findings
		}
	}
	return code
}

// requested turns the command line into the request by hand.
func requested(args []string) (payload []byte, format string, err error) {
	flags := flag.NewFlagSet(Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	names := map[string]*string{}
	for _, name := range []string{"service", "task", "instance", "cluster"} {
		names[name] = flags.String(name, "", "")
	}
	flags.StringVar(&format, "format", "text", "")
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	request := map[string]any{"dry-run": true}
	given := 0
	for name, value := range names {
		if *value != "" {
			request[name] = *value
			if name != "cluster" {
				given++
			}
		}
	}
	switch {
	case flags.NArg() > 0:
		return nil, "", fmt.Errorf("%q is more than one thing to look at", flags.Arg(0))
	case given != 1:
		return nil, "", errors.New("name one service, task or instance")
	case format != "text" && format != "json":
		return nil, "", fmt.Errorf("format %q is unknown: write text or json", format)
	}
	payload, err = json.Marshal(request)
	return payload, format, err
}

// reportForPeople prints each finding's message, and what to do.
func reportForPeople(report finding.Report) string {
	text := ""
	for _, result := range report.Results {
		for i, f := range result.Findings {
			line := diagnostic.Printable(f.Message)
			if i > 0 {
				line = "  " + line
			}
			text += line + "\n"
			if f.Fix != "" && f.Severity != finding.Info {
				text += "  To do: " + diagnostic.Printable(f.Fix) + "\n"
			}
		}
	}
	return text
}
