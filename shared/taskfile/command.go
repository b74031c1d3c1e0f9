package taskfile

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ecsguardrails/shared/diagnostic"
	"ecsguardrails/shared/exitcode"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/image"
	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/settings"
	"ecsguardrails/shared/taskdef"
)

// maxFile bounds what is read of a file. ECS takes definitions of 64 KiB.
const maxFile = 4 << 20

const usage = `usage: patch-task-definition FILE… [--secret REGISTRY=ARN]… [--write]

Judges task definitions in files before they are registered, and shows what is
to be changed as a unified diff and as a JSON patch. It reads JSON and YAML of the
API, ecspresso, CloudFormation, SAM, cdk.out, Copilot and AWS Batch, Dockerrun
files of version 2, and Terraform's files and plans.

  --file FILE            a file, as without the option; "-" is standard input
  --secret REGISTRY=ARN  the secret that serves a registry ("host" or "host/path");
                         may be given again. Without it, and where there are AWS
                         credentials, the tagged secrets of the account are used.
  --write                writes the changes into the files
  --format FORMAT        text, json, sarif (2.1.0) or github (annotations)
  --fail-on SEVERITY     error, warning or never: what makes the exit code 1

Exit code 0, 1 (findings of the chosen severity) or 2 (could not run).
`

// AsksForFiles reports whether a command line that begins with this argument
// is Command's.
func AsksForFiles(argument string) bool {
	name, _, _ := strings.Cut(argument, "=")
	if strings.HasPrefix(name, "-") && name != "-" {
		return slices.Contains([]string{"file", "secret", "write", "format", "fail-on", "help", "h"}, strings.TrimLeft(name, "-"))
	}
	// A file that is an event runs the function; one with a definition is judged.
	text, err := readFile(argument, strings.NewReader(""))
	if err != nil || argument == "-" {
		return false
	}
	return slices.ContainsFunc(ReadDrafts(text), func(d *Draft) bool { return d.definition != nil })
}

// request is what a command line asks for.
type request struct {
	files   []string
	secrets taskdef.RegistrySecrets
	write   bool
	format  string
	failOn  string
}

func (r request) fails(findings []finding.Finding) bool {
	return r.failOn != "never" && slices.ContainsFunc(findings, func(f finding.Finding) bool {
		return f.Severity == finding.Error || f.Severity == finding.Warning && r.failOn == "warning"
	})
}

// Command judges task definitions in files, as the command line asks, and gives
// the exit code. Open makes an observer for the account, or gives nil where
// there are no AWS credentials.
func Command(ctx context.Context, args, environ []string, open func(context.Context) *taskdef.Observer, stdin io.Reader, stdout, stderr io.Writer) int {
	settings, err := settings.Load[taskdef.Settings](taskdef.Name, environ)
	if err != nil {
		return couldNot(stderr, err)
	}
	asked, err := parseArguments(args, stdout, stderr)
	if err != nil {
		return couldNot(stderr, err)
	}
	if len(asked.files) == 0 {
		return exitcode.OK
	}
	check := check{request: asked, settings: settings, stdout: stdout, stderr: stderr, code: exitcode.OK}
	if len(asked.secrets) == 0 {
		if check.observer = open(ctx); check.observer == nil {
			_, _ = fmt.Fprintln(stderr, "no AWS credentials: secrets and roles are not looked at; --secret names a registry's secret")
		}
	}
	for _, name := range asked.files {
		if err := check.file(ctx, name, stdin); err != nil {
			return couldNot(stderr, err)
		}
	}
	switch asked.format {
	case "json":
		err = diagnostic.JSON(stdout, taskdef.Name, check.sources)
	case "sarif":
		err = diagnostic.SARIF(stdout, taskdef.Name, slices.Concat(Codes, taskdef.Codes), check.sources)
	case "github":
		err = diagnostic.GitHub(stdout, check.sources)
	}
	if err != nil {
		return couldNot(stderr, err)
	}
	return check.code
}

// check is a run of the command over its files.
type check struct {
	request
	settings taskdef.Settings
	// observer is nil where nothing is looked at.
	observer       *taskdef.Observer
	stdout, stderr io.Writer
	sources        []diagnostic.Source
	code           int
}

// file judges the definitions in one file, and writes the patched one if that is
// asked for.
func (c *check) file(ctx context.Context, name string, stdin io.Reader) error {
	text, err := readFile(name, stdin)
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for _, draft := range ReadDrafts(text) {
		if err := c.draft(ctx, name, text, draft, said); err != nil {
			return err
		}
	}
	if !c.write {
		return nil
	}
	return writePatched(ctx, c.settings, name, text, c.secrets, c.observer)
}

// draft judges one definition; said is what was said of the file before.
func (c *check) draft(ctx context.Context, name string, text []byte, draft *Draft, said map[string]bool) error {
	called, looks := draft.called(name), c.observer
	if looks != nil && draft.isElsewhere(looks.Account) {
		_, _ = fmt.Fprintf(c.stderr, "%s: the AWS credentials are of the account %s, and the definition's roles are not: secrets and roles are not looked at\n", called, looks.Account)
		looks = nil
	}
	judged, err := judge(ctx, c.settings, draft, c.secrets, looks)
	if err != nil {
		return fmt.Errorf("judge %s: %w", called, err)
	}
	if draft.arm > 0 {
		judged.leaveOut(said)
	}
	judged.remember(said)
	if draft.arm > 0 && len(judged.findings) == 0 && len(judged.edits) == 0 {
		return nil
	}
	if c.fails(judged.findings) {
		c.code = exitcode.Findings
	}
	if c.format != "text" {
		c.sources = append(c.sources, diagnostic.Source{Name: name, Content: text, Findings: judged.findings})
		return nil
	}
	return judged.write(c.stdout, name, draft)
}

// writePatched makes the changes of a file's definitions in it, one after the
// other: each moves the places of those behind it.
func writePatched(ctx context.Context, settings taskdef.Settings, name string, text []byte, secrets taskdef.RegistrySecrets, observer *taskdef.Observer) error {
	if name == "-" {
		return errors.New("--write needs a file, and there is only standard input")
	}
	patched := text
	for i := range ReadDrafts(text) {
		drafts := ReadDrafts(patched)
		if i >= len(drafts) {
			break
		}
		looks := observer
		if observer != nil && drafts[i].isElsewhere(observer.Account) {
			looks = nil
		}
		judged, err := judge(ctx, settings, drafts[i], secrets, looks)
		if err != nil {
			return fmt.Errorf("judge %s: %w", name, err)
		}
		if patched, err = drafts[i].Patched(judged.edits); err != nil {
			return fmt.Errorf("change %s: %w", name, err)
		}
	}
	if bytes.Equal(patched, text) {
		return nil
	}
	if err := os.WriteFile(name, patched, 0o644); err != nil {
		return fmt.Errorf("write the changed task definition: %w", err)
	}
	return nil
}

func couldNot(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "patch-task-definition: %v\n", err)
	return exitcode.CouldNotRun
}

// parseArguments gives no files where help was asked for.
func parseArguments(args []string, stdout, stderr io.Writer) (asked request, err error) {
	flags := flag.NewFlagSet(taskdef.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("file", "", func(name string) error { asked.files = append(asked.files, name); return nil })
	flags.BoolVar(&asked.write, "write", false, "")
	flags.StringVar(&asked.format, "format", "text", "")
	flags.StringVar(&asked.failOn, "fail-on", "error", "")
	flags.Func("secret", "", func(text string) error {
		registry, arn, found := strings.Cut(text, "=")
		scope, err := image.ParseScope(registry)
		switch {
		case !found:
			return errors.New("write REGISTRY=ARN, REGISTRY as host or host/path")
		case err != nil:
			return fmt.Errorf("write REGISTRY=ARN, REGISTRY as host or host/path: %w", err)
		}
		if _, err := taskdef.ParseCredential(arn); err != nil {
			return err
		}
		asked.secrets = append(asked.secrets, taskdef.NamedRegistrySecret(arn, scope))
		return nil
	})
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				_, _ = fmt.Fprint(stdout, usage)
				return request{}, nil
			}
			_, _ = fmt.Fprint(stderr, usage)
			return request{}, err
		}
		if args = flags.Args(); len(args) > 0 {
			asked.files, args = append(asked.files, args[0]), args[1:]
		}
	}
	switch {
	case len(asked.files) == 0:
		_, _ = fmt.Fprint(stderr, usage)
		return request{}, errors.New("no file is named")
	case !slices.Contains([]string{"text", "json", "sarif", "github"}, asked.format):
		return request{}, fmt.Errorf("--format %s: write text, json, sarif or github", asked.format)
	case !slices.Contains([]string{"error", "warning", "never"}, asked.failOn):
		return request{}, fmt.Errorf("--fail-on %s: write error, warning or never", asked.failOn)
	}
	return asked, nil
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open the task definition: %w", err)
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the task definition %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("read the task definition %s: it is larger than %d MiB, and ECS takes 64 KiB", name, maxFile>>20)
	}
	return text, nil
}

// called gives the file's name, with the template's resource where it has several.
func (d *Draft) called(name string) string {
	called := d.label
	if d.conditional && d.arm == 1 {
		called = strings.TrimSpace(called + ", with its conditions the other way")
	}
	if called == "" {
		return name
	}
	return name + " (" + strings.TrimPrefix(called, ", ") + ")"
}

// isElsewhere reports whether a definition is for another account than the
// credentials', "" where they don't tell.
func (d *Draft) isElsewhere(account string) bool {
	if account == "" || d.definition == nil || d.definition.TaskDefinition == nil {
		return false
	}
	at := d.place("")
	return at.Account != "" && at.Account != account
}

// verdict is what was found about a file, and what should be changed.
type verdict struct {
	findings []finding.Finding
	edits    []taskdef.Edit
}

// judge runs the same plan as for a registered definition.
func judge(ctx context.Context, settings taskdef.Settings, draft *Draft, secrets taskdef.RegistrySecrets, observer *taskdef.Observer) (verdict, error) {
	if draft.definition == nil || draft.definition.TaskDefinition == nil {
		return verdict{findings: draft.findings}, nil
	}
	unregistered := taskdef.Unregistered{
		ContainersOnly: draft.root == draft.containers, NeedsFamily: !draft.capitals && !draft.converts && draft.root != draft.containers,
		LogsIn: draft.logsIn, HasLogin: draft.hasLogin, LeftOut: draft.leftOut,
		// Roles tell the partition, if nothing is looked at.
		Place: taskdef.Place{Partition: draft.place("").Partition},
	}
	if observer != nil {
		unregistered.Place = draft.place(observer.Region)
	}
	judged, err := settings.Judge(ctx, taskdef.Observation{
		Definition: draft.definition.TaskDefinition, Tags: draft.definition.Tags, Secrets: secrets, Unregistered: &unregistered,
	}, observer)
	for i, f := range judged.Findings {
		if f.Line == 0 {
			judged.Findings[i].Line, judged.Findings[i].Column = position(draft.text, draft.placeOf(f))
		}
	}
	return verdict{findings: slices.Concat(draft.findings, judged.Findings), edits: judged.Edits}, err
}

// remember notes what is said about a file.
func (v verdict) remember(said map[string]bool) {
	for _, f := range v.findings {
		said[fmt.Sprintf("%+v", f)] = true
	}
	for _, edit := range v.edits {
		said[fmt.Sprintf("%+v", edit)] = true
	}
}

// leaveOut takes away what was said already, of another outcome of the file's
// conditions.
func (v *verdict) leaveOut(said map[string]bool) {
	v.findings = slices.DeleteFunc(v.findings, func(f finding.Finding) bool { return said[fmt.Sprintf("%+v", f)] })
	v.edits = slices.DeleteFunc(v.edits, func(edit taskdef.Edit) bool { return said[fmt.Sprintf("%+v", edit)] })
}

// containerNamed is how findings name a container.
var containerNamed = lazyregexp.New(`container ("(?:[^"\\]|\\.)*")`)

// placeOf gives the offset of what a finding is about: the container that it
// names, at its image, or the definition.
func (d *Draft) placeOf(f finding.Finding) int {
	found := containerNamed.FindStringSubmatch(f.Message)
	if found == nil {
		return d.root.start
	}
	for i, container := range d.definition.TaskDefinition.ContainerDefinitions {
		if strconv.Quote(aws.ToString(container.Name)) != found[1] {
			continue
		}
		if at := d.containerNode(i); at != nil {
			if image := at.index(d.spelt("image")); image >= 0 {
				return at.members[image].start
			}
			return at.start
		}
	}
	return d.root.start
}

func (v verdict) write(to io.Writer, name string, draft *Draft) error {
	var text strings.Builder
	for _, f := range v.findings {
		at := draft.called(name)
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", name, f.Line, f.Column)
		}
		fmt.Fprintf(&text, "%s: %s: %s [%s]\n", at, f.Severity, f.Message, f.Code)
		if f.Fix != "" {
			fmt.Fprintf(&text, "    fix: %s\n", f.Fix)
		}
	}
	if len(v.findings) == 0 {
		fmt.Fprintf(&text, "%s: nothing is wrong\n", draft.called(name))
	}
	if len(v.edits) > 0 {
		diff, err := draft.Diff(name, v.edits)
		if err != nil {
			return fmt.Errorf("show the change of %s: %w", name, err)
		}
		patch, err := draft.JSONPatch(v.edits)
		if err != nil {
			return fmt.Errorf("show the change of %s: %w", name, err)
		}
		if diff != "" {
			fmt.Fprintf(&text, "\n%s\n", diff)
		}
		if patch != "" {
			fmt.Fprintf(&text, "JSON patch:\n%s\n\n", patch)
		}
		for _, edit := range v.edits {
			if why := draft.byHand(edit); why != "" {
				fmt.Fprintf(&text, "To change in its source (%s): %s\n", why, draft.inWords(edit))
			}
		}
	}
	_, err := io.WriteString(to, text.String())
	return err
}

// inWords says what an edit changes, for a file that can't be patched.
func (d *Draft) inWords(edit taskdef.Edit) string {
	if edit.Field != taskdef.RepositoryCredentials {
		return fmt.Sprintf("%s = %q", edit.Field, edit.Value)
	}
	name := fmt.Sprintf("container %d", edit.Container)
	if containers := d.definition.TaskDefinition.ContainerDefinitions; edit.Container < len(containers) && containers[edit.Container].Name != nil {
		name = fmt.Sprintf("container %q", *containers[edit.Container].Name)
	}
	if edit.Value == "" {
		return name + ": take repositoryCredentials away"
	}
	return fmt.Sprintf("%s: repositoryCredentials = { credentialsParameter = %q }", name, edit.Value)
}
