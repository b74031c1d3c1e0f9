package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

const usage = `usage: sweep scan [OPTION]…

Looks at the roles, config files, task definitions, secrets and stopped tasks of
an account with the shell's AWS credentials, and says what is wrong. It changes
nothing: its clients refuse every call that writes. docs/scan.md has a read-only
policy that is enough.

  --only KIND,…          account, roles, config-objects, task-definitions, secrets,
                         stopped-tasks
  --role PATTERN         only roles whose name matches, with * and ?
  --family PATTERN       only task definition families whose name matches
  --bucket NAME          search these buckets for config files, and all of their
                         objects; without it, all buckets of the Region
  --secret-values        also read the values of registry secrets, and ask the
                         registries whether they are valid
  --region REGION,…      Regions to scan; without it, the shell's
  --profile NAME         profile of the AWS configuration
  --output DIRECTORY     where report.html, report.json and report.sarif go
                         (ecs-guardrails-report); "" writes none
  --format FORMAT        what is printed: text, json or sarif
  --fail-on SEVERITY     error, warning or never: what makes the exit code 1 (error)
  --version              show the version

--only, --role, --family, --bucket and --region may be given again. The functions'
own settings are read from the environment, as INSTANCE_ROLE_PATTERN.

Exit code 0, 1 (findings of the chosen severity) or 2 (could not run).
`

// arguments are a command line's.
type arguments struct {
	Options
	regions                        []string
	profile, output, format, fails string
}

// errHelp says that help was asked for.
var errHelp = errors.New("help")

func parse(args []string) (arguments, error) {
	asked := arguments{}
	flags := flag.NewFlagSet("scan", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	list := func(name string, into *[]string) {
		flags.Func(name, "", func(text string) error {
			for each := range strings.SplitSeq(text, ",") {
				if each = strings.TrimSpace(each); each != "" {
					*into = append(*into, each)
				}
			}
			return nil
		})
	}
	var only []string
	list("only", &only)
	list("role", &asked.Roles)
	list("family", &asked.Families)
	list("bucket", &asked.Buckets)
	list("region", &asked.regions)
	flags.BoolVar(&asked.SecretValues, "secret-values", false, "")
	flags.StringVar(&asked.profile, "profile", "", "")
	flags.StringVar(&asked.output, "output", "ecs-guardrails-report", "")
	flags.StringVar(&asked.format, "format", "text", "")
	flags.StringVar(&asked.fails, "fail-on", "error", "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return asked, errHelp
		}
		return asked, err
	}
	if flags.NArg() > 0 {
		return asked, fmt.Errorf("%q is not an option", flags.Arg(0))
	}
	if err := asked.narrow(only); err != nil {
		return asked, err
	}
	switch {
	case !slices.Contains([]string{"text", "json", "sarif"}, asked.format):
		return asked, fmt.Errorf("--format %s: write text, json or sarif", asked.format)
	case !slices.Contains([]string{"error", "warning", "never"}, asked.fails):
		return asked, fmt.Errorf("--fail-on %s: write error, warning or never", asked.fails)
	}
	return asked, nil
}

// narrow says which kinds are looked at: those of --only, or those that the other
// options are about.
func (asked *arguments) narrow(only []string) error {
	for _, name := range only {
		if !slices.Contains(Kinds, sweep.Kind(name)) {
			return fmt.Errorf("--only %s: there is no such kind; see --help", name)
		}
		asked.Only = append(asked.Only, sweep.Kind(name))
	}
	for _, pattern := range slices.Concat(asked.Roles, asked.Families) {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("%q is not a pattern: write a name in which * and ? are wildcards", pattern)
		}
	}
	// A narrower question leaves out what it is not about.
	if len(asked.Only) == 0 {
		if len(asked.Roles) > 0 {
			asked.Only = append(asked.Only, sweep.Roles)
		}
		if len(asked.Families) > 0 {
			asked.Only = append(asked.Only, sweep.TaskDefinitions)
		}
		if len(asked.Buckets) > 0 && len(asked.Only) > 0 {
			asked.Only = append(asked.Only, sweep.ConfigObjects)
		}
	}
	return nil
}

// Command scans as the command line asks, and gives the exit code. Load reads the
// shell's AWS configuration for a profile and Region, "" for the shell's own.
func Command(ctx context.Context, args, environ []string, load func(ctx context.Context, profile, region string) (aws.Config, error), stdout, stderr io.Writer) int {
	if slices.ContainsFunc(args, func(arg string) bool { return arg == "--version" || arg == "-version" }) {
		_, _ = fmt.Fprintf(stdout, "scan %s\n", version.Text())
		return exitcode.OK
	}
	asked, err := parse(args)
	if errors.Is(err, errHelp) {
		_, _ = io.WriteString(stdout, usage)
		return exitcode.OK
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "scan: %v; --help shows all options\n", err)
		return exitcode.CouldNotRun
	}
	regions := asked.regions
	if len(regions) == 0 {
		regions = []string{""}
	}
	var summaries []sweepreport.Summary
	for i, region := range regions {
		configuration, err := load(ctx, asked.profile, region)
		if err == nil && configuration.Region == "" {
			err = errors.New("no Region is set: give --region, or set AWS_REGION")
		}
		if err != nil {
			return couldNot(stderr, err)
		}
		options := asked.Options
		if i > 0 {
			// IAM's roles are the same in every Region.
			options.Only = withoutRoles(options)
		}
		shown := &meter{to: stderr, started: time.Now(), now: time.Now, kinds: map[sweep.Kind][2]int{}}
		summary, err := Region(ctx, options, environ, configuration, time.Now, shown.tell)
		shown.end()
		if err != nil {
			return couldNot(stderr, fmt.Errorf("scan %s: %w", configuration.Region, err))
		}
		summaries = append(summaries, summary)
	}
	if err := deliver(asked, summaries, stdout, stderr); err != nil {
		return couldNot(stderr, err)
	}
	switch worst := Worst(summaries); {
	case asked.fails == "error" && worst == finding.Error, asked.fails == "warning" && worst != "":
		return exitcode.Findings
	}
	return exitcode.OK
}

func withoutRoles(options Options) []sweep.Kind {
	only := slices.Clone(Kinds)
	return slices.DeleteFunc(only, func(kind sweep.Kind) bool { return kind == sweep.Roles || !options.wants(kind) })
}

func couldNot(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "scan: %v\n", err)
	return exitcode.CouldNotRun
}

// deliver prints what was asked for, and writes the reports.
func deliver(asked arguments, summaries []sweepreport.Summary, stdout, stderr io.Writer) error {
	document, err := json.MarshalIndent(summaries, "", "  ")
	if err != nil {
		return fmt.Errorf("describe the scan: %w", err)
	}
	var sarif bytes.Buffer
	if err := diagnostic.SARIF(&sarif, "ecs-guardrails scan", nil, sources(summaries)); err != nil {
		return fmt.Errorf("describe the scan in SARIF: %w", err)
	}
	switch asked.format {
	case "json":
		_, err = fmt.Fprintf(stdout, "%s\n", document)
	case "sarif":
		_, err = stdout.Write(sarif.Bytes())
	default:
		err = Write(stdout, summaries, 20)
	}
	if err != nil || asked.output == "" {
		return err
	}
	if err := os.MkdirAll(asked.output, 0o755); err != nil {
		return fmt.Errorf("make the folder of the report: %w", err)
	}
	files := map[string][]byte{"report.json": append(document, '\n'), "report.sarif": sarif.Bytes()}
	for i, summary := range summaries {
		name := "report.html"
		if i > 0 {
			name = "report-" + summary.Region + ".html"
		}
		files[name] = sweepreport.Page(summary)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(asked.output, name), content, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	_, err = fmt.Fprintf(stderr, "\nThe whole report: %s\n", filepath.Join(asked.output, "report.html"))
	return err
}

// sources gives the results in the form of files, since code scanners know
// nothing else: each subject is one.
func sources(summaries []sweepreport.Summary) (all []diagnostic.Source) {
	for _, summary := range summaries {
		for _, result := range summary.Results {
			all = append(all, diagnostic.Source{Name: summary.Account + "/" + summary.Region + "/" + result.Kind + "/" + result.Subject, Findings: result.Findings})
		}
	}
	return all
}

// meter shows how far a scan is, on one line of a terminal.
type meter struct {
	mutex   sync.Mutex
	to      io.Writer
	started time.Time
	now     func() time.Time
	last    time.Time
	kinds   map[sweep.Kind][2]int
	drawn   bool
}

// tell takes note of how many subjects of a kind were judged, and draws that
// not oftener than every 200 ms.
func (m *meter) tell(kind sweep.Kind, done, total int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.kinds[kind] = [2]int{done, total}
	if m.now().Sub(m.last) < 200*time.Millisecond || !isTerminal(m.to) {
		return
	}
	m.last = m.now()
	sum, all := 0, 0
	for _, each := range m.kinds {
		sum, all = sum+each[0], all+each[1]
	}
	left := ""
	if sum > 0 {
		left = ", about " + (m.now().Sub(m.started) * time.Duration(all-sum) / time.Duration(sum)).Round(time.Second).String() + " left"
	}
	filled := 0
	if all > 0 {
		filled = 30 * sum / all
	}
	_, _ = fmt.Fprintf(m.to, "\r[%s%s] %d of %d%s \x1b[K", strings.Repeat("#", filled), strings.Repeat(".", 30-filled), sum, all, left)
	m.drawn = true
}

// end leaves the line.
func (m *meter) end() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.drawn {
		_, _ = io.WriteString(m.to, "\r\x1b[K")
	}
}

// isTerminal reports whether somebody sees what is drawn.
func isTerminal(to io.Writer) bool {
	file, ok := to.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
