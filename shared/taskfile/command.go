package taskfile

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/commandline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// maxFile bounds what is read of a file. ECS takes definitions of 64 KiB.
const maxFile = 4 << 20

// check is a run of the command over its files.
type check struct {
	environ []string
	secrets taskdef.RegistrySecrets
	// open makes an observer for the account, or gives nil where there are no AWS
	// credentials.
	open   func(context.Context) *taskdef.Observer
	stderr io.Writer

	// What is known once the first file is judged.
	ready    bool
	settings taskdef.Settings
	// observer is nil where nothing is looked at.
	observer *taskdef.Observer
	// uncheckedSaid is set once a file's findings say that nothing is looked at.
	uncheckedSaid bool
	// changes are the patches of the files, for people.
	changes strings.Builder
}

// Command is patch-task-definition's command line. Environ holds the function's
// settings; open makes an observer for the account, or gives nil where there are
// no AWS credentials.
func Command(environ []string, open func(context.Context) *taskdef.Observer, stderr io.Writer) commandline.Command {
	c := &check{environ: environ, open: open, stderr: stderr}
	command := commandline.Command{
		Name: taskdef.Name,
		Summary: `Judges task definitions in files before they are registered, and shows what is to
be changed as a unified diff and as a JSON patch. It reads JSON and YAML of the
API, ecspresso, CloudFormation, SAM, cdk.out, Copilot and AWS Batch, Dockerrun
files of version 2, and Terraform's files and plans.`,
		Flags: func(flags *flag.FlagSet) {
			flags.Func("secret", "`REGISTRY=ARN` of the secret that serves a registry (host or host/path); may be given again. Without it, and with AWS credentials, the tagged secrets of the account are used", c.addSecret)
		},
		Variables: commandline.VariablesOf[taskdef.Settings](),
		Notes: `With the name of one file that holds an event, or with AWS settings alone, the
program runs the function once instead: see the README.`,
		Examples: []string{
			"patch-task-definition taskdef.json",
			"patch-task-definition --write --secret registry.example.com=ARN deploy/",
			"terraform show -json plan | patch-task-definition -",
		},
		Matches: matches,
		MaxSize: maxFile,
		Judge: func(ctx context.Context, file commandline.File) ([]diagnostic.Source, error) {
			return c.file(ctx, file)
		},
		Rules: slices.Concat(Codes, taskdef.Codes),
		After: func(stdout io.Writer) error {
			_, err := io.WriteString(stdout, c.changes.String())
			return err
		},
	}
	command.Modes = []commandline.Mode{{
		Name: "write", Usage: "write the changes into the files, and show what was found before", Formats: commandline.Formats,
		Run: func(ctx context.Context, files []commandline.File, format string, stdout io.Writer) ([]diagnostic.Source, error) {
			return c.write(ctx, command, files, format, stdout)
		},
	}}
	return command
}

// IsEvent reports whether a text is an event that the function answers, or a
// request by hand, rather than a file with a definition. What is no JSON is
// none, and neither is JSON of another kind, such as a package.json.
func IsEvent(text []byte) bool {
	for _, draft := range ReadDrafts(text) {
		if draft.definition != nil || draft.problem != "" {
			return false
		}
	}
	root, err := parseJSON(bytes.TrimPrefix(text, byteOrderMark))
	if err != nil || root.kind != kindObject {
		return false
	}
	for _, field := range []string{"detail", "detail-type", "Records", "records", "taskDefinition", "taskDefinitions"} {
		if root.member(field) != nil {
			return true
		}
	}
	return false
}

// definitionName is how files with definitions are most often called.
var definitionName = lazyregexp.New(`(?i)task[-_.]?def(inition)?s?\b|dockerrun\.aws\.json$`)

// matches says which files of a directory are judged: those that are called as
// definitions are, and others that have one in them.
func matches(path string) bool {
	base := filepath.Base(path)
	switch strings.ToLower(filepath.Ext(base)) {
	case ".json", ".jsonc", ".yaml", ".yml", ".tf", ".template":
	default:
		return false
	}
	if definitionName.MatchString(base) {
		return true
	}
	file, err := os.Open(path)
	if err != nil {
		// The run says why.
		return true
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil || len(text) > maxFile || !mayDefine(text) {
		return false
	}
	return slices.ContainsFunc(ReadDrafts(text), func(d *Draft) bool { return d.definition != nil || d.problem != "" })
}

// mayDefine spares files the parsers that have none of the words that a
// definition is made of.
func mayDefine(text []byte) bool {
	for _, word := range []string{"ontainerDefinitions", "container_definitions", "aws_ecs_task_definition", "aws_batch_job_definition", "ontainerProperties", "ecsProperties", "nodeProperties", "manifest", "sidecars", "location:", "image:"} {
		if bytes.Contains(text, []byte(word)) {
			return true
		}
	}
	return false
}

func (c *check) addSecret(text string) error {
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
	c.secrets = append(c.secrets, taskdef.NamedRegistrySecret(arn, scope))
	return nil
}

// prepare reads the settings and looks for AWS credentials, once.
func (c *check) prepare(ctx context.Context) (err error) {
	if c.ready {
		return nil
	}
	if c.settings, err = settings.Load[taskdef.Settings](taskdef.Name, c.environ); err != nil {
		return err
	}
	if len(c.secrets) == 0 {
		if c.observer = c.open(ctx); c.observer == nil {
			_, _ = fmt.Fprintln(c.stderr, "no AWS credentials: secrets and roles are not looked at; --secret names a registry's secret")
		}
	}
	c.ready = true
	return nil
}

// file judges the definitions in one file.
func (c *check) file(ctx context.Context, file commandline.File) ([]diagnostic.Source, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	source := diagnostic.Source{Name: file.Name, Content: file.Content, Masked: masked(file.Content)}
	said := map[string]bool{}
	var failed error
	for _, draft := range ReadDrafts(file.Content) {
		called, looks := draft.called(file.Name), c.observer
		if looks != nil && draft.isElsewhere(looks.Account) {
			_, _ = fmt.Fprintf(c.stderr, "%s: the AWS credentials are of the account %s, and the definition's roles are not: secrets and roles are not looked at\n", called, looks.Account)
			looks = nil
		}
		judged, err := judge(ctx, c.settings, draft, c.secrets, looks)
		if err != nil {
			return nil, fmt.Errorf("judge %s: %w", called, err)
		}
		if draft.arm > 0 {
			judged.leaveOut(said)
		}
		judged.remember(said)
		source.Findings = append(source.Findings, judged.findings...)
		if draft.definition != nil && !c.uncheckedSaid && c.observer == nil && len(c.secrets) == 0 {
			c.uncheckedSaid = true
			f := accountUnchecked.With()
			f.Line, f.Column = position(file.Content, draft.root.start)
			source.Findings = append(source.Findings, f)
		}
		// What was found is still reported.
		failed = errors.Join(failed, judged.writeChanges(&c.changes, file.Name, draft))
	}
	return []diagnostic.Source{source}, failed
}

// masked is a file's text of which lines may be shown: every value that may be a
// secret is blotted out, such as those of an environment and what stands in the
// wrong field. It is nil where the file isn't understood.
func masked(text []byte) []byte {
	shown := slices.Clone(text)
	for _, draft := range ReadDrafts(text) {
		if draft.definition == nil {
			return nil
		}
		draft.blot(shown)
	}
	return shown
}

// write judges the files, and then makes the changes of their definitions in them.
func (c *check) write(ctx context.Context, command commandline.Command, files []commandline.File, format string, stdout io.Writer) ([]diagnostic.Source, error) {
	var sources []diagnostic.Source
	var failed error
	for _, file := range files {
		judged, err := c.file(ctx, file)
		if err == nil {
			err = c.patch(ctx, file)
		}
		sources = append(sources, judged...)
		failed = errors.Join(failed, err)
	}
	return sources, errors.Join(command.Show(stdout, format, sources), failed)
}

// patch makes the changes of a file's definitions in it, one after the other:
// each moves the places of those behind it.
func (c *check) patch(ctx context.Context, file commandline.File) error {
	if file.IsStdin() {
		return errors.New("--write needs a file, and this is standard input")
	}
	patched := file.Content
	for i := range ReadDrafts(file.Content) {
		drafts := ReadDrafts(patched)
		if i >= len(drafts) {
			break
		}
		looks := c.observer
		if looks != nil && drafts[i].isElsewhere(looks.Account) {
			looks = nil
		}
		judged, err := judge(ctx, c.settings, drafts[i], c.secrets, looks)
		if err != nil {
			return fmt.Errorf("judge %s: %w", file.Name, err)
		}
		if patched, err = drafts[i].Patched(judged.edits); err != nil {
			return fmt.Errorf("change %s: %w", file.Name, err)
		}
	}
	if bytes.Equal(patched, file.Content) {
		return nil
	}
	if err := os.WriteFile(file.Name, patched, 0o644); err != nil {
		return fmt.Errorf("write the changed task definition: %w", err)
	}
	return nil
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
	place := d.place("")
	return place.Account != "" && place.Account != account
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

// writeChanges shows how the file should change, as a diff, as a JSON patch,
// and in words where it can't be patched.
func (v verdict) writeChanges(to *strings.Builder, name string, draft *Draft) error {
	if len(v.edits) == 0 {
		return nil
	}
	diff, err := draft.Diff(name, v.edits)
	if err != nil {
		return fmt.Errorf("show the change of %s: %w", name, err)
	}
	patch, err := draft.JSONPatch(v.edits)
	if err != nil {
		return fmt.Errorf("show the change of %s: %w", name, err)
	}
	if diff != "" {
		fmt.Fprintf(to, "\n%s\n", diff)
	}
	if patch != "" {
		fmt.Fprintf(to, "JSON patch of %s:\n%s\n\n", draft.called(name), patch)
	}
	for _, edit := range v.edits {
		if why := draft.byHand(edit); why != "" {
			fmt.Fprintf(to, "%s: To change in its source (%s): %s\n", draft.called(name), why, draft.inWords(edit))
		}
	}
	return nil
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
