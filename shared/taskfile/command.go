package taskfile

import (
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

	"ecsguardrails/shared/exitcode"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/image"
	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/settings"
	"ecsguardrails/shared/taskdef"
)

// maxFile bounds what is read of a file. ECS takes definitions of 64 KiB.
const maxFile = 4 << 20

const usage = `usage: patch-task-definition --file FILE.json… [--secret REGISTRY=ARN]…

Judges task definitions in files before they are registered, and shows what is
to be changed as a unified diff and as a JSON patch. Nothing is changed.

  --file FILE            a task definition; may be given again, "-" is standard input
  --secret REGISTRY=ARN  the secret that serves a registry ("host" or "host/path");
                         may be given again. Without it, and where there are AWS
                         credentials, the tagged secrets of the account are used.

Exit code 0, 1 (a finding of severity error) or 2 (could not run).
`

// AsksForFiles reports whether a command line that begins with this argument
// is Command's.
func AsksForFiles(argument string) bool {
	name, _, _ := strings.Cut(argument, "=")
	return slices.Contains([]string{"--file", "-file", "--secret", "-secret"}, name)
}

// Command judges task definitions in files, as the command line asks, and gives
// the exit code. Open makes an observer for the account, or gives nil where
// there are no AWS credentials.
func Command(ctx context.Context, args, environ []string, open func(context.Context) *taskdef.Observer, stdin io.Reader, stdout, stderr io.Writer) int {
	settings, err := settings.Load[taskdef.Settings](environ)
	if err != nil {
		return couldNot(stderr, err)
	}
	names, secrets, err := parseArguments(args, stderr)
	if err != nil {
		return couldNot(stderr, err)
	}
	if len(names) == 0 {
		return exitcode.OK
	}
	var observer *taskdef.Observer
	if len(secrets) == 0 {
		if observer = open(ctx); observer == nil {
			_, _ = fmt.Fprintln(stderr, "no AWS credentials: secrets and roles are not looked at; --secret names a registry's secret")
		}
	}
	code := exitcode.OK
	for _, name := range names {
		text, err := readFile(name, stdin)
		if err != nil {
			return couldNot(stderr, err)
		}
		said := map[string]bool{}
		for _, draft := range ReadDrafts(text) {
			called := draft.called(name)
			looks := observer
			if observer != nil && draft.isElsewhere(observer.Account) {
				_, _ = fmt.Fprintf(stderr, "%s: the AWS credentials are of the account %s, and the definition's roles are not: secrets and roles are not looked at\n", called, observer.Account)
				looks = nil
			}
			judged, err := judge(ctx, settings, draft, secrets, looks)
			if err != nil {
				return couldNot(stderr, fmt.Errorf("judge %s: %w", called, err))
			}
			if draft.arm > 0 {
				judged.leaveOut(said)
			}
			judged.remember(said)
			if draft.arm > 0 && len(judged.findings) == 0 && len(judged.edits) == 0 {
				continue
			}
			if err := judged.write(stdout, name, draft); err != nil {
				return couldNot(stderr, err)
			}
			if slices.ContainsFunc(judged.findings, func(f finding.Finding) bool { return f.Severity == finding.Error }) {
				code = exitcode.Findings
			}
		}
	}
	return code
}

func couldNot(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "patch-task-definition: %v\n", err)
	return exitcode.CouldNotRun
}

// parseArguments gives no files where help was asked for.
func parseArguments(args []string, stderr io.Writer) (files []string, secrets taskdef.RegistrySecrets, err error) {
	flags := flag.NewFlagSet(taskdef.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("file", "", func(name string) error { files = append(files, name); return nil })
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
		secrets = append(secrets, taskdef.NamedRegistrySecret(arn, scope))
		return nil
	})
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			_, _ = fmt.Fprint(stderr, usage)
			if err == flag.ErrHelp {
				return nil, nil, nil
			}
			return nil, nil, err
		}
		if args = flags.Args(); len(args) > 0 {
			files, args = append(files, args[0]), args[1:]
		}
	}
	if len(files) == 0 {
		_, _ = fmt.Fprint(stderr, usage)
		return nil, nil, fmt.Errorf("no file is named")
	}
	return files, secrets, nil
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

// verdict is what was found about a file, and what is to be changed.
type verdict struct {
	findings []finding.Finding
	edits    []taskdef.Edit
}

// judge runs the same plan as for a registered definition.
func judge(ctx context.Context, settings taskdef.Settings, draft *Draft, secrets taskdef.RegistrySecrets, observer *taskdef.Observer) (verdict, error) {
	if draft.definition == nil || draft.definition.TaskDefinition == nil {
		return verdict{findings: draft.findings}, nil
	}
	unregistered := taskdef.Unregistered{ContainersOnly: draft.root == draft.containers, LeftOut: draft.leftOut}
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
