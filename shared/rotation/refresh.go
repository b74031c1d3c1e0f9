package rotation

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"ecsguardrails/shared/ecsconfig"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/registryauth"
	"ecsguardrails/shared/storedfile"
)

// InstanceTag is the tag of the container instances that read an ecs.config, as
// s3://bucket/key: who wrote it there has agreed that the file is read anew.
const InstanceTag = "ecs-guardrails:config-object"

// CommandSender is the part of Systems Manager's client that refreshing needs.
type CommandSender interface {
	SendCommand(context.Context, *ssm.SendCommandInput, ...func(*ssm.Options)) (*ssm.SendCommandOutput, error)
}

// refreshScript is run on instances with the variables place and folder.
//
//go:embed refresh.sh
var refreshScript string

// tagValue reports whether an EC2 tag may hold a text (EC2 user guide, "Tag
// restrictions"). It leaves out braces, too, which Systems Manager would read as
// the name of a parameter.
func tagValue(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= 256 && !strings.ContainsFunc(text, func(letter rune) bool {
		return !unicode.IsLetter(letter) && !unicode.IsNumber(letter) && !strings.ContainsRune(" +-=._:/@", letter)
	})
}

// refreshes have instances read the files anew that hold the new credential:
// those that this step writes, and in a step that is repeated those that were
// written before.
func (r *Rotation) refreshes(o Observation, at Target, both documents, renders []Action, base Action) []Action {
	if !r.refreshInstances {
		return nil
	}
	var actions []Action
	for _, file := range o.Configs {
		written := slices.ContainsFunc(renders, func(render Action) bool { return render.File.Place == file.Place })
		current := o.Step == FinishSecret && carries(file.Content, at.Registry, both.after.Credential)
		if (written || current) && tagValue(file.String()) {
			refresh := base
			refresh.Kind, refresh.File, refresh.CommandID = Refresh, storedfile.File{Place: file.Place}, new(string)
			actions = append(actions, refresh)
		}
	}
	return actions
}

// carries reports whether a file has a credential for a registry.
func carries(content []byte, at registry.Registry, credential registry.Credential) bool {
	return slices.ContainsFunc(ecsconfig.Parse(content).Registries().Registries, func(entry registryauth.Registry) bool {
		named, err := registry.Parse(entry.Key)
		return err == nil && named.Host == at.Host && !entry.Token &&
			registry.Credential{Username: entry.Username, Password: entry.Password}.Equal(credential)
	})
}

// refresh sends the command. Sent twice, it finds nothing to do the second time.
// What becomes of it on the instances, Systems Manager tells by its id.
func (r *Rotation) refresh(ctx context.Context, action Action) error {
	sent, err := r.commands.SendCommand(ctx, &ssm.SendCommandInput{
		DocumentName: aws.String("AWS-RunShellScript"),
		Comment:      aws.String("ECS Guardrails: read ecs.config anew"),
		Targets:      []types.Target{{Key: aws.String("tag:" + InstanceTag), Values: []string{action.File.String()}}},
		Parameters: map[string][]string{
			"commands":         RefreshCommands(action.File.Place, "/etc/ecs"),
			"executionTimeout": {"300"},
		},
		MaxConcurrency: aws.String("10%"),
		MaxErrors:      aws.String("1"),
	})
	if err != nil {
		return fmt.Errorf("have instances read %s anew: %w", action.File.Place, err)
	}
	if sent.Command != nil {
		*action.CommandID = aws.ToString(sent.Command.CommandId)
	}
	return nil
}

// RefreshCommands are the lines of the shell script that has an instance read a
// file anew; folder is where the agent's ecs.config lies. No secret is among them.
func RefreshCommands(place storedfile.Place, folder string) []string {
	lines := []string{"place=" + shellQuoted(place.String()), "folder=" + shellQuoted(folder)}
	return append(lines, strings.Split(strings.TrimSuffix(refreshScript, "\n"), "\n")...)
}

func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
