// Package mutecommand lists, adds and removes the findings that somebody accepts,
// from a shell: `sweep mute`. The document is mute.json (package mute).
package mutecommand

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
)

const usage = `usage: sweep mute --bucket NAME [OPTION]…

Lists the findings that are muted. With --until it mutes one more, or renews it;
with --remove it takes one away. The change is shown first, and written to
mute.json if you agree. docs/mute.md says what a mute does.

  --bucket NAME      the stack's report bucket (its output ReportBucket); without
                     it, $REPORT_BUCKET
  --id ID            the problem, by the ID in its message
  --subject PATTERN  the subject as messages name it; * is any text
  --code CODE        the finding's code; * is any text
  --owner PATTERN    the tool that manages the subject; * is any text
  --until DAY        the last day, in UTC, as 2027-03-31
  --reason TEXT      why it is accepted
  --remove           remove the mute of exactly this id, or subject, code and owner
  --yes              write without asking
  --region REGION    Region of the bucket; without it, the shell's
  --profile NAME     profile of the AWS configuration

Exit code 0, or 2 (could not, or not written).
`

// Storage is the part of S3's client that the command needs.
type Storage interface {
	mute.ObjectGetter
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Shell is what the command has of the shell that it runs in.
type Shell struct {
	// Load makes the client for a profile and Region, "" for the shell's own.
	Load func(ctx context.Context, profile, region string) (Storage, error)
	// Bucket is the bucket that the environment names.
	Bucket         string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time
}

// arguments are a command line's.
type arguments struct {
	bucket, id, region, profile string
	mute                        mute.Mute
	remove, yes                 bool
}

// Command does what the command line asks, and gives the exit code.
func Command(ctx context.Context, args []string, shell Shell) int {
	asked, err := parse(args, shell)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(shell.Stdout, usage)
		return exitcode.OK
	}
	if err == nil {
		err = run(ctx, asked, shell)
	}
	if err != nil {
		_, _ = fmt.Fprintf(shell.Stderr, "mute: %v\n", err)
		return exitcode.CouldNotRun
	}
	return exitcode.OK
}

func parse(args []string, shell Shell) (arguments, error) {
	asked := arguments{}
	flags := flag.NewFlagSet("mute", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for name, into := range map[string]*string{
		"bucket": &asked.bucket, "id": &asked.id, "subject": &asked.mute.Subject, "code": &asked.mute.Code, "owner": &asked.mute.Owner,
		"reason": &asked.mute.Reason, "until": &asked.mute.Until, "region": &asked.region, "profile": &asked.profile,
	} {
		flags.StringVar(into, name, "", "")
	}
	flags.BoolVar(&asked.remove, "remove", false, "")
	flags.BoolVar(&asked.yes, "yes", false, "")
	if err := flags.Parse(args); err != nil {
		return asked, err
	}
	if asked.bucket == "" {
		asked.bucket = shell.Bucket
	}
	what := asked.id + asked.mute.Subject + asked.mute.Code + asked.mute.Owner
	switch {
	case flags.NArg() > 0:
		return asked, fmt.Errorf("%q is not an option; --help shows all", flags.Arg(0))
	case asked.bucket == "":
		return asked, errors.New("give --bucket, the stack's output ReportBucket")
	case asked.id != "" && asked.mute.Subject+asked.mute.Code+asked.mute.Owner != "":
		return asked, errors.New("give either --id or --subject, --code and --owner")
	case asked.remove && what == "":
		return asked, errors.New("say what to remove: --id, or --subject, --code and --owner as the list has them")
	case asked.remove && asked.mute.Reason+asked.mute.Until != "":
		return asked, errors.New("--remove takes no --reason and no --until")
	case !asked.remove && what != "" && (asked.mute.Until == "" || asked.mute.Reason == ""):
		return asked, errors.New("a mute needs --until, its last day, and --reason, why it is accepted")
	case !asked.remove && what == "" && asked.mute.Until+asked.mute.Reason != "":
		return asked, errors.New("say what to mute: --id, or --subject, --code or --owner")
	}
	return asked, knownCode(asked.mute.Code)
}

// knownCode refuses a code that nothing has: it would mute nothing.
func knownCode(code string) error {
	if code == "" || strings.Contains(code, "*") {
		return nil
	}
	if _, ok := catalogue.Of(code); !ok {
		return fmt.Errorf("%q is not a code; docs/findings.md lists all", code)
	}
	return nil
}

func run(ctx context.Context, asked arguments, shell Shell) error {
	storage, err := shell.Load(ctx, asked.profile, asked.region)
	if err != nil {
		return err
	}
	before, stored, err := read(ctx, storage, asked.bucket)
	if err != nil {
		return err
	}
	if asked.id == "" && asked.mute == (mute.Mute{}) {
		list(shell, before, asked.bucket)
		return nil
	}
	if asked.id != "" {
		if asked.mute.Subject, asked.mute.Code, err = mute.Told(ctx, storage, asked.bucket, asked.id); err != nil {
			return err
		}
	}
	after, err := change(before, asked, shell.Now())
	if err != nil {
		return err
	}
	show(shell.Stdout, before, after)
	if !asked.yes && !agreed(shell, asked.bucket) {
		return errors.New("nothing was written")
	}
	return write(ctx, storage, asked.bucket, stored, after, shell.Stdout)
}

func read(ctx context.Context, storage Storage, bucket string) (mute.List, mute.Stored, error) {
	stored, err := mute.Get(ctx, storage, bucket)
	if err != nil {
		return mute.List{}, stored, fmt.Errorf("read s3://%s/%s: %w", bucket, mute.Key, err)
	}
	if !stored.Found {
		return mute.List{}, stored, nil
	}
	list, err := mute.Parse(stored.Content)
	if err != nil {
		return mute.List{}, stored, fmt.Errorf("s3://%s: %w; correct the document first", bucket, err)
	}
	return list, stored, nil
}

// list shows the mutes, and which have ended.
func list(shell Shell, mutes mute.List, bucket string) {
	if len(mutes.Mutes) == 0 {
		_, _ = fmt.Fprintf(shell.Stdout, "Nothing is muted in s3://%s/%s.\n", bucket, mute.Key)
		return
	}
	ended := mutes.Ended(shell.Now())
	for _, each := range mutes.Mutes {
		state := ""
		if slices.Contains(ended, each) {
			state = "ended: "
		}
		_, _ = fmt.Fprintf(shell.Stdout, "%s%s\n", state, escape.Line(each.String()))
	}
}

// same reports whether two mutes are about the same.
func same(a, b mute.Mute) bool {
	return a.Subject == b.Subject && a.Code == b.Code && a.Owner == b.Owner
}

// change adds, renews or removes a mute.
func change(list mute.List, asked arguments, now time.Time) (mute.List, error) {
	kept := slices.DeleteFunc(slices.Clone(list.Mutes), func(each mute.Mute) bool { return same(each, asked.mute) })
	if asked.remove {
		if len(kept) == len(list.Mutes) {
			return list, errors.New("there is no such mute; without options, the command lists all")
		}
		return mute.List{Mutes: kept}, nil
	}
	added := mute.List{Mutes: append(kept, asked.mute)}
	content, err := encode(added)
	if err != nil {
		return list, err
	}
	if _, err := mute.Parse(content); err != nil {
		return list, err
	}
	if slices.Contains(added.Ended(now), asked.mute) {
		return list, fmt.Errorf("%s is over: give a later day", asked.mute.Until)
	}
	return added, nil
}

// show prints what changes, as a diff of the entries.
func show(to io.Writer, before, after mute.List) {
	lines := func(sign string, entries, others []mute.Mute) {
		for _, each := range entries {
			if slices.Contains(others, each) {
				continue
			}
			line, err := encode(each)
			if err != nil {
				line = []byte(each.String())
			}
			_, _ = fmt.Fprintf(to, "%s %s\n", sign, escape.Line(strings.Join(strings.Fields(string(line)), " ")))
		}
	}
	lines("-", before.Mutes, after.Mutes)
	lines("+", after.Mutes, before.Mutes)
}

func agreed(shell Shell, bucket string) bool {
	_, _ = fmt.Fprintf(shell.Stdout, "Write this to s3://%s/%s? [y/N] ", bucket, mute.Key)
	answer, _ := bufio.NewReader(io.LimitReader(shell.Stdin, 100)).ReadString('\n')
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

// encode writes JSON as people do.
func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write the mutes as JSON: %w", err)
	}
	return text.Bytes(), nil
}

// write replaces the document, unless somebody else did meanwhile.
func write(ctx context.Context, storage Storage, bucket string, before mute.Stored, list mute.List, stdout io.Writer) error {
	if list.Mutes == nil {
		list.Mutes = []mute.Mute{}
	}
	content, err := encode(list)
	if err != nil {
		return err
	}
	input := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(mute.Key), Body: bytes.NewReader(content), ContentType: aws.String("application/json")}
	if before.Found {
		input.IfMatch = &before.Tag
	} else {
		input.IfNoneMatch = aws.String("*")
	}
	_, err = storage.PutObject(ctx, input)
	if awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
		return errors.New("somebody else wrote the mutes meanwhile, so nothing was written: run the command again")
	}
	if err != nil {
		return fmt.Errorf("write s3://%s/%s: %w", bucket, mute.Key, err)
	}
	_, _ = fmt.Fprintf(stdout, "Written to s3://%s/%s.\n", bucket, mute.Key)
	return nil
}
