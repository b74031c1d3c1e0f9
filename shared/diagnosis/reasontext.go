package diagnosis

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// maxReason bounds a pasted text; ECS itself cuts at 1,024 bytes.
const maxReason = 1 << 20

const reasonUsage = `usage: diagnose-failure --reason 'TEXT' [--format text|json]
       diagnose-failure --reason -          (the text on standard input)

Names the cause behind a stopped task's reason, a container's reason or a
service event's message, without AWS.
Exit code: 0 the text was read, known or not; 2 wrong use.
`

// AsksForReason says that a command line wants a pasted text classified.
func AsksForReason(args []string) bool { return hasFlag(args, "reason") }

func hasFlag(args []string, wanted string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		return strings.HasPrefix(arg, "-") && name == wanted
	})
}

// ReasonText classifies the text that args hold and prints what it found. It
// gives the exit code.
func ReasonText(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	text := flags.String("reason", "", "")
	format := flags.String("format", "text", "")
	err := flags.Parse(args)
	switch {
	case err == nil && flags.NArg() > 0:
		err = errors.New("quote the text, so that it is one argument")
	case err == nil && *format != "text" && *format != "json":
		err = fmt.Errorf("format %q is unknown: write text or json", *format)
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, reasonUsage)
		return exitcode.OK
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %s\n%s", Name, diagnostic.Printable(err.Error()), reasonUsage)
		return exitcode.CouldNotRun
	}
	if *text == "-" {
		read, err := io.ReadAll(io.LimitReader(stdin, maxReason))
		if err != nil {
			fmt.Fprintf(stderr, "%s: read the text: %v\n", Name, err)
			return exitcode.CouldNotRun
		}
		*text = string(read)
	}
	reasons := stopreason.All(*text)
	chosen := stopreason.Classify(*text)
	if *format == "json" {
		encoder := json.NewEncoder(stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(chosen)
	} else {
		_, err = io.WriteString(stdout, forPeople(chosen, reasons))
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: write the cause: %v\n", Name, err)
		return exitcode.CouldNotRun
	}
	return exitcode.OK
}

// forPeople prints a cause, and the others where one text joins several.
func forPeople(chosen stopreason.Reason, all []stopreason.Reason) string {
	var out strings.Builder
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%-10s %s\n", label, diagnostic.Printable(value))
		}
	}
	line("cause", string(chosen.ID))
	line("class", chosen.Class)
	line("object", chosen.Object)
	line("denied by", chosen.DeniedBy)
	line("ours", string(chosen.Ours))
	line("advice", chosen.Advice)
	for _, other := range all {
		if other.ID != chosen.ID || other.Object != chosen.Object {
			line("also", strings.TrimSpace(string(other.ID)+" "+other.Object))
		}
	}
	return out.String()
}
