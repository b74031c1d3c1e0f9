// Package commandline is the face that all local checks share: the same help,
// file names, formats and exit codes, whatever kind of file is judged.
//
//	command := commandline.Command{
//		Name:    "validate-config",
//		Summary: "Judges ecs.config …",
//		Matches: func(path string) bool { return strings.HasSuffix(path, "ecs.config") },
//		Judge:   func(ctx context.Context, file commandline.File) ([]diagnostic.Source, error) { … },
//	}
//	os.Exit(command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
package commandline

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// Stdin is the name of standard input on the command line and in reports.
const (
	Stdin      = "-"
	stdinShown = "stdin"
)

// maxFiles bounds what a directory can name.
const maxFiles = 10_000

// File is a file to be judged.
type File struct {
	// Name is the path as it was given, or "stdin".
	Name    string
	Content []byte
}

// IsStdin reports whether the file came from standard input.
func (f File) IsStdin() bool { return f.Name == stdinShown }

// Mode is what a command does in place of showing findings, as --explain does.
type Mode struct {
	// Name is the flag's, Usage one line about it.
	Name, Usage string
	// Formats are those that the mode knows, the first being the default.
	Formats []string
	// Run does it and gives the findings that decide the exit code.
	Run func(ctx context.Context, files []File, format string, stdout io.Writer) ([]diagnostic.Source, error)
}

// Variable is an environment variable of the function that the program is, too.
type Variable struct{ Name, Usage string }

// VariablesOf lists the variables of a function's settings with their defaults.
func VariablesOf[T any]() []Variable {
	listed, err := settings.Variables[T]()
	if err != nil {
		return nil // --help is shorter then
	}
	var variables []Variable
	for _, pair := range listed {
		usage := "default " + pair[1]
		if pair[1] == "" {
			usage = "no default"
		}
		variables = append(variables, Variable{pair[0], usage})
	}
	return variables
}

// Command is a program that judges files.
type Command struct {
	// Name is the program's, Summary what it does in a sentence or two.
	Name, Summary string
	// Flags registers the command's own flags; may be nil. A usage that begins
	// with a word in back quotes names the flag's value by it.
	Flags func(*flag.FlagSet)
	// Modes are what else the command does with files.
	Modes []Mode
	// Variables, Notes and Examples are for --help.
	Variables []Variable
	Notes     string
	Examples  []string
	// Matches says which files of a directory are judged. Files that are named
	// are judged whatever their names.
	Matches func(path string) bool
	// MaxSize bounds a file, in bytes.
	MaxSize int64
	// Judge gives the findings about a file. An error is for what could not be
	// judged; the other files are judged all the same.
	Judge func(ctx context.Context, file File) ([]diagnostic.Source, error)
	// Rules describe the codes for SARIF.
	Rules []finding.Code
	// After writes what a person gets behind the findings; may be nil.
	After func(stdout io.Writer) error
}

// Formats are those of findings, the first being the default.
var Formats = []string{"text", "json", "sarif", "github"}

// options are what the command line says.
type options struct {
	names   []string
	format  string
	failOn  string
	version bool
	modes   map[string]*bool
}

// Run does what the command line says and gives the exit code.
func (c Command) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == catalogue.ExplainCommand {
		return catalogue.Explain(args[1:], stdout, stderr)
	}
	flags, o := c.flags()
	names, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, c.help(flags))
		return exitcode.OK
	case err != nil:
		return c.wrongUse(stderr, err)
	}
	if o.version {
		fmt.Fprintf(stdout, "%s %s\n", c.Name, version.Text())
		return exitcode.OK
	}
	o.names = append(o.names, names...)
	mode, err := c.check(o)
	if err != nil {
		return c.wrongUse(stderr, err)
	}
	code := exitcode.OK
	couldNot := func(err error) {
		fmt.Fprintf(stderr, "%s: %s\n", c.Name, diagnostic.Printable(err.Error()))
		code = exitcode.CouldNotRun
	}
	var files []File
	for _, name := range c.expand(o.names, couldNot) {
		content, err := c.read(name, stdin)
		if err != nil {
			couldNot(err)
			continue
		}
		shown := name
		if name == Stdin {
			shown = stdinShown
		}
		files = append(files, File{shown, content})
	}
	var sources []diagnostic.Source
	if mode != nil {
		if len(files) == 0 {
			return cmp.Or(code, exitcode.CouldNotRun)
		}
		if sources, err = mode.Run(ctx, files, o.format, stdout); err != nil {
			couldNot(err)
		}
	} else {
		for _, file := range files {
			judged, err := c.Judge(ctx, file)
			if err != nil {
				couldNot(err)
			}
			sources = append(sources, judged...)
		}
		if err := c.Show(stdout, o.format, sources); err != nil {
			couldNot(err)
		}
	}
	if code == exitcode.OK && fails(sources, o.failOn) {
		code = exitcode.Findings
	}
	return code
}

func (c Command) flags() (*flag.FlagSet, *options) {
	o := &options{modes: map[string]*bool{}}
	flags := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("file", "`FILE` to judge, as without the flag; may be given again", func(name string) error {
		o.names = append(o.names, name)
		return nil
	})
	flags.StringVar(&o.format, "format", "", "`FORMAT` of the output: text (default), json, sarif (2.1.0), github (annotations of a workflow run)")
	flags.StringVar(&o.failOn, "fail-on", "error", "`SEVERITY` from which on the exit code is 1: error, warning or never")
	flags.BoolVar(&o.version, "version", false, "show the version")
	for _, mode := range c.Modes {
		o.modes[mode.Name] = flags.Bool(mode.Name, false, mode.Usage)
	}
	if c.Flags != nil {
		c.Flags(flags)
	}
	return flags, o
}

// parse reads flags wherever they stand: pre-commit puts its file names last.
func parse(flags *flag.FlagSet, args []string) (names []string, err error) {
	for len(args) > 0 {
		if args[0] == "--" {
			return append(names, args[1:]...), nil
		}
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		// Parse takes "--" away; what is left after it is a name.
		rest := flags.Args()
		if parsed := len(args) - len(rest); parsed > 0 && args[parsed-1] == "--" {
			return append(names, rest...), nil
		}
		if len(rest) == 0 {
			return names, nil
		}
		names, args = append(names, rest[0]), rest[1:]
	}
	return names, nil
}

func (c Command) check(o *options) (*Mode, error) {
	var chosen *Mode
	for i, mode := range c.Modes {
		if !*o.modes[mode.Name] {
			continue
		}
		if chosen != nil {
			return nil, fmt.Errorf("use either --%s or --%s", chosen.Name, mode.Name)
		}
		chosen = &c.Modes[i]
	}
	known := Formats
	if chosen != nil {
		known = chosen.Formats
	}
	o.format = cmp.Or(o.format, known[0])
	switch {
	case !slices.Contains(known, o.format) && chosen != nil:
		return nil, fmt.Errorf("--%s has no format %q: use %s", chosen.Name, o.format, strings.Join(known, " or "))
	case !slices.Contains(known, o.format):
		return nil, fmt.Errorf("format %q is unknown: use %s", o.format, strings.Join(known, ", "))
	case !slices.Contains([]string{"error", "warning", "never"}, o.failOn):
		return nil, fmt.Errorf("--fail-on %q is unknown: use error, warning or never", o.failOn)
	case len(o.names) == 0:
		return nil, errors.New("no file is named")
	}
	return chosen, nil
}

func (c Command) wrongUse(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "%s: %s\nusage: %s [flags] FILE…\nSee %s --help.\n", c.Name, diagnostic.Printable(err.Error()), c.Name, c.Name)
	return exitcode.CouldNotRun
}

// expand turns directories into the files of theirs that match, and patterns
// that the shell has left alone into the files that they name.
func (c Command) expand(names []string, couldNot func(error)) []string {
	var expanded []string
	add := func(name string) {
		if !slices.Contains(expanded, name) {
			expanded = append(expanded, name)
		}
	}
	for _, name := range names {
		if name == Stdin {
			add(name)
			continue
		}
		information, err := os.Stat(name)
		if err != nil {
			matches, globError := filepath.Glob(name)
			if globError != nil || len(matches) == 0 {
				couldNot(fmt.Errorf("judge a file: %w", err))
				continue
			}
			for _, match := range matches {
				add(match)
			}
			continue
		}
		if !information.IsDir() {
			add(name)
			continue
		}
		found, err := c.walk(name)
		if err != nil {
			couldNot(err)
		}
		if len(found) == 0 && err == nil {
			couldNot(fmt.Errorf("judge the directory %s: no file in it has a name that %s judges; name the file itself", name, c.Name))
		}
		for _, path := range found {
			add(path)
		}
	}
	return expanded
}

// walk gives the files of a directory that match, without what version control
// and package managers keep there. It follows no symbolic link.
func (c Command) walk(directory string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != directory && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor") {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() && c.Matches != nil && c.Matches(path) {
			found = append(found, path)
		}
		if len(found) > maxFiles {
			return fmt.Errorf("more than %d files match: name fewer", maxFiles)
		}
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("judge the directory %s: %w", directory, err)
	}
	return found, nil
}

func (c Command) read(name string, stdin io.Reader) ([]byte, error) {
	limit := cmp.Or(c.MaxSize, 1<<20)
	reader := stdin
	if name != Stdin {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("judge a file: %w", err)
		}
		defer func() { _ = file.Close() }()
		reader = file
	}
	content, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil {
		return nil, fmt.Errorf("judge %s: %w", name, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("judge %s: it is larger than %d MiB, the most that is read: name the right file", name, limit>>20)
	}
	return content, nil
}

// Show writes findings in one of the Formats.
func (c Command) Show(stdout io.Writer, format string, sources []diagnostic.Source) error {
	switch format {
	case "json":
		return diagnostic.JSON(stdout, c.Name, sources)
	case "sarif":
		return diagnostic.SARIF(stdout, c.Name, c.Rules, sources)
	case "github":
		return diagnostic.GitHub(stdout, sources)
	default:
		if err := diagnostic.Text(stdout, sources); err != nil || c.After == nil {
			return err
		}
		return c.After(stdout)
	}
}

// fails reports whether a finding is as grave as the severity.
func fails(sources []diagnostic.Source, failOn string) bool {
	for _, source := range sources {
		for _, f := range source.Findings {
			if failOn != "never" && (f.Severity == finding.Error || f.Severity == finding.Warning && failOn == "warning") {
				return true
			}
		}
	}
	return false
}

func (c Command) help(flags *flag.FlagSet) string {
	var text strings.Builder
	fmt.Fprintf(&text, "usage: %s [flags] FILE…\n       %[1]s explain CODE…\n\n%[2]s\n\nFILE is a file, a directory, a pattern in quotes, or \"-\" for standard input.\n\nFlags:\n", c.Name, strings.TrimSpace(c.Summary))
	var rows [][2]string
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		name := "--" + f.Name
		if value != "" {
			name += " " + value
		}
		rows = append(rows, [2]string{name, usage})
	})
	table(&text, append(rows, [2]string{"--help", "show this"}))
	if len(c.Variables) > 0 {
		text.WriteString("\nEnvironment variables of the function, when it is given an event:\n")
		rows = nil
		for _, variable := range c.Variables {
			rows = append(rows, [2]string{variable.Name, variable.Usage})
		}
		table(&text, rows)
	}
	if c.Notes != "" {
		fmt.Fprintf(&text, "\n%s\n", strings.TrimSpace(c.Notes))
	}
	if len(c.Examples) > 0 {
		text.WriteString("\nExamples:\n")
		for _, example := range c.Examples {
			fmt.Fprintf(&text, "  %s\n", example)
		}
	}
	text.WriteString("\nExit code: 0 clean, 1 findings of the severity that --fail-on names or worse, 2 could not run.\n")
	return text.String()
}

func table(text *strings.Builder, rows [][2]string) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	for _, row := range rows {
		fmt.Fprintf(text, "  %-*s  %s\n", width, row[0], row[1])
	}
}

// RunIfAsked judges files and ends the process, where its arguments ask for that.
// Where they don't, standard input still gives the event that it held.
func (c Command) RunIfAsked(args []string, isEvent func(content []byte) bool) {
	asked, stdin, err := c.IsAsked(args, os.Stdin, isEvent)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", c.Name, err)
		os.Exit(exitcode.CouldNotRun)
	}
	os.Stdin = stdin
	if !asked {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := c.Run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// IsAsked reports whether a command line is for files rather than for an event
// that a function answers: it has more than a name, or names what isn't an
// event. Standard input may have to be read for that; again holds all of it.
func (c Command) IsAsked(args []string, stdin *os.File, isEvent func(content []byte) bool) (asked bool, again *os.File, err error) {
	switch {
	case len(args) == 0:
		return false, stdin, nil
	case len(args) > 1, args[0] == catalogue.ExplainCommand, strings.HasPrefix(args[0], "-") && args[0] != Stdin:
		return true, stdin, nil
	}
	content, err := c.read(args[0], stdin)
	if args[0] != Stdin {
		return err != nil || !isEvent(content), stdin, nil
	}
	if err != nil {
		return true, stdin, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return true, stdin, fmt.Errorf("read standard input twice: %w", err)
	}
	go func() {
		// The reader may have gone; then it doesn't matter.
		_, _ = writer.Write(content)
		_ = writer.Close()
	}()
	return !isEvent(content), reader, nil
}
