// Package localfile judges ecs.config and environment files, and the user data
// that writes them, before anything is uploaded or launched. It needs no AWS: it
// is for an editor, a pre-commit hook or a pipeline.
package localfile

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/commandline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

// maxSize bounds a file, in bytes.
const maxSize = 4 << 20

const toolName = "validate-config"

// kinds are what --kind takes.
var kinds = []string{"auto", "config", "environment", "user-data"}

// Command is validate-config's command line.
func Command() commandline.Command {
	kind := "auto"
	return commandline.Command{
		Name: toolName,
		Summary: `Judges ecs.config and environment files as ecs-init, systemd and the ECS agent read
them, and the user data that writes them: shell scripts, cloud-config, MIME
archives, PowerShell, Bottlerocket's TOML, Terraform, CloudFormation and CDK
templates, also in gzip or base64. Needs no AWS.`,
		Flags: func(flags *flag.FlagSet) {
			flags.Func("kind", "`KIND` of every file: auto (default), config, environment or user-data", func(text string) error {
				if !slices.Contains(kinds, text) {
					return fmt.Errorf("%q is unknown: use %s", text, strings.Join(kinds, ", "))
				}
				kind = text
				return nil
			})
		},
		Modes: []commandline.Mode{explainMode(&kind), diffMode(&kind), fixMode(&kind)},
		Notes: `With the name of one file that holds an event, or with AWS settings alone, the
program runs the function once instead: see the README.

` + explainHelp,
		Examples: []string{
			"validate-config ecs.config",
			"validate-config --explain user-data.sh",
			"validate-config --format sarif infra/",
			"terraform show -json plan | jq -r '…user_data' | validate-config -",
		},
		Matches: matches,
		MaxSize: maxSize,
		Judge: func(_ context.Context, file commandline.File) ([]diagnostic.Source, error) {
			return judge(file, kind)
		},
		Rules: slices.Concat(ecsconfig.Codes(), environmentfile.Codes(), userdata.Codes()),
	}
}

// matches says which files of a directory are judged.
func matches(path string) bool {
	base := strings.ToLower(filepath.Base(path))
	if strings.HasSuffix(base, "ecs.config") || strings.HasSuffix(base, environmentfile.Extension) {
		return true
	}
	for _, sign := range []string{"user-data", "user_data", "userdata", "cloud-init", "cloud-config", "cloud_config", "cloudinit"} {
		if strings.Contains(base, sign) {
			return true
		}
	}
	return slices.Contains([]string{".tf", ".yaml", ".yml", ".template"}, filepath.Ext(base)) || strings.HasSuffix(base, ".template.json")
}

func isEnvironment(file commandline.File, kind string) bool {
	return kind == "environment" || kind == "auto" && strings.HasSuffix(file.Name, environmentfile.Extension)
}

// open gives the configurations in a file.
func open(file commandline.File, kind string) ([]Document, error) {
	switch kind {
	case "config":
		return []Document{{Name: file.Name, Source: file.Content, Configuration: userdata.ReadConfig(file.Content)}}, nil
	case "user-data":
		if extension := filepath.Ext(file.Name); extension != ".tf" && !isUserDataTemplate(string(file.Content)) {
			return []Document{{Name: file.Name, Source: file.Content, Configuration: userdata.Read(file.Content, userdata.Options{})}}, nil
		}
	}
	return documents(file.Name, file.Content)
}

func judge(file commandline.File, kind string) ([]diagnostic.Source, error) {
	if isEnvironment(file, kind) {
		source := diagnostic.Source{Name: file.Name, Content: file.Content, Masked: environmentfile.Mask(file.Content)}
		if !file.IsStdin() {
			source.Findings = environmentfile.JudgeName(file.Name)
		}
		source.Findings = append(source.Findings, environmentfile.Judge(file.Content)...)
		return []diagnostic.Source{source}, nil
	}
	found, err := open(file, kind)
	if err != nil {
		return nil, fmt.Errorf("judge %s: %w", file.Name, err)
	}
	if len(found) == 0 {
		return []diagnostic.Source{{Name: file.Name, Content: file.Content, Masked: file.Content}}, nil
	}
	return sources(found), nil
}

// sources gives one source for each file, with the findings of all that is in it.
func sources(documents []Document) []diagnostic.Source {
	var all []diagnostic.Source
	for _, document := range documents {
		index := slices.IndexFunc(all, func(s diagnostic.Source) bool { return s.Name == document.Name })
		masked := document.Mask()
		if index < 0 {
			all = append(all, diagnostic.Source{Name: document.Name, Content: document.Source, Masked: masked})
			index = len(all) - 1
		}
		source := &all[index]
		for i, b := range masked {
			if b == '*' {
				source.Masked[i] = b // what one document calls a secret stays one
			}
		}
		for _, f := range document.Judge() {
			if !slices.Contains(source.Findings, f) {
				source.Findings = append(source.Findings, f)
			}
		}
	}
	return all
}
