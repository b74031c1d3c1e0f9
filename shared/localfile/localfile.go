// Package localfile judges ecs.config and environment files before they are
// uploaded, without AWS: for a pre-commit hook, a pipeline or a look from a shell.
package localfile

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"ecsguardrails/shared/diagnostic"
	"ecsguardrails/shared/ecsconfig"
	"ecsguardrails/shared/environmentfile"
	"ecsguardrails/shared/finding"
)

// The exit codes.
const (
	ExitFine      = 0 // no error in any file; there may be warnings
	ExitErrors    = 1 // an error in some file
	ExitCouldNot  = 2 // wrong use, or a file that could not be read
	maxSize       = 1 << 20
	toolName      = "validate-config"
	standardInput = "-"
)

const usage = `usage: validate-config --file ecs.config... [--format text|json|sarif] [--kind auto|config|environment]

Judges files as ecs-init, systemd and the ECS agent read them, without AWS.
"-" is standard input. Of kind auto, a name that ends in .env is an
environment file and every other an ecs.config.
Exit code: 0 no error, 1 an error in a file, 2 a file could not be judged.
`

// Wanted says that a command line asks for local files.
func Wanted(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		return strings.HasPrefix(arg, "-") && name == "file"
	})
}

// Run judges the files that args name and writes what it found to stdout; what
// kept it from judging goes to stderr. It gives the exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	options, err := parse(args)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "validate-config: %s\n", diagnostic.Printable(err.Error()))
		}
		fmt.Fprint(stderr, usage)
		return ExitCouldNot
	}
	code := ExitFine
	var sources []diagnostic.Source
	for _, name := range options.names {
		source, err := options.judge(name, stdin)
		if err != nil {
			fmt.Fprintf(stderr, "validate-config: %s\n", diagnostic.Printable(err.Error()))
			code = ExitCouldNot
			continue
		}
		sources = append(sources, source)
		if code == ExitFine && slices.ContainsFunc(source.Findings, func(f finding.Finding) bool { return f.Severity == finding.Error }) {
			code = ExitErrors
		}
	}
	switch options.format {
	case "json":
		err = diagnostic.JSON(stdout, toolName, sources)
	case "sarif":
		err = diagnostic.SARIF(stdout, toolName, rules(), sources)
	default:
		err = diagnostic.Text(stdout, sources)
	}
	if err != nil {
		fmt.Fprintf(stderr, "validate-config: %v\n", err)
		return ExitCouldNot
	}
	return code
}

type options struct {
	names        []string
	format, kind string
}

// parse reads the command line. Names may follow --file without repeating it,
// and flags may stand between them, as pre-commit puts its file names last.
func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(toolName, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("file", "", func(name string) error {
		o.names = append(o.names, name)
		return nil
	})
	flags.StringVar(&o.format, "format", "text", "")
	flags.StringVar(&o.kind, "kind", "auto", "")
	for {
		if err := flags.Parse(args); err != nil {
			return options{}, err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		o.names = append(o.names, args[0])
		args = args[1:]
	}
	switch {
	case len(o.names) == 0:
		return options{}, errors.New("no file is named")
	case !slices.Contains([]string{"text", "json", "sarif"}, o.format):
		return options{}, fmt.Errorf("format %q is unknown: write text, json or sarif", o.format)
	case !slices.Contains([]string{"auto", "config", "environment"}, o.kind):
		return options{}, fmt.Errorf("kind %q is unknown: write auto, config or environment", o.kind)
	}
	return o, nil
}

func (o options) judge(name string, stdin io.Reader) (diagnostic.Source, error) {
	content, err := read(name, stdin)
	if err != nil {
		return diagnostic.Source{}, err
	}
	source := diagnostic.Source{Name: name, Content: content}
	if name == standardInput {
		source.Name = "stdin"
	}
	if o.kind == "environment" || (o.kind == "auto" && strings.HasSuffix(name, environmentfile.Extension)) {
		if name != standardInput {
			source.Findings = environmentfile.JudgeName(name)
		}
		source.Findings = append(source.Findings, environmentfile.Judge(content)...)
		source.Masked = environmentfile.Mask(content)
		return source, nil
	}
	source.Findings = ecsconfig.Judge(content)
	source.Masked = ecsconfig.Mask(content)
	return source, nil
}

// read takes 1 MiB at most, as the function does.
func read(name string, stdin io.Reader) ([]byte, error) {
	reader := stdin
	if name != standardInput {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("judge a file: %w", err)
		}
		defer file.Close()
		reader = file
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("judge %s: %w", name, err)
	}
	if len(content) > maxSize {
		return nil, fmt.Errorf("judge %s: it is larger than 1 MiB, the most that is read: name the right file", name)
	}
	return content, nil
}

func rules() []diagnostic.Rule {
	var rules []diagnostic.Rule
	for _, c := range ecsconfig.Codes() {
		rules = append(rules, diagnostic.Rule(c))
	}
	for _, c := range environmentfile.Codes() {
		rules = append(rules, diagnostic.Rule(c))
	}
	return rules
}
