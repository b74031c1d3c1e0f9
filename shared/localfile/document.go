package localfile

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata/terraform"
)

// Document is one configuration of the agent in a file.
type Document struct {
	// Name is the file's path, Resource what in it the configuration belongs to.
	Name, Resource string
	Source         []byte
	userdata.Configuration
}

// called names a document for people.
func (d Document) called() string {
	if d.Resource == "" {
		return d.Name
	}
	return d.Name + " (" + d.Resource + ")"
}

var (
	// writesConfig finds a command that writes the file, but in a comment.
	writesConfig = lazyregexp.New(`(?m)^[^#\r\n]*(?:>|tee\b|\bcp\b|\bmv\b)[^\r\n]*/etc/ecs/ecs\.config`)
	// userDataKey finds user data in YAML and JSON.
	userDataKey = lazyregexp.New(`(?m)["']?\b(?:UserData|userData|user_data|userDataBase64)["']?[ \t]*:`)
	isTemplate  = lazyregexp.New(`(?m)^[ \t]*["']?(?:AWSTemplateFormatVersion|Resources)["']?[ \t]*:`)
	// isTerraform finds a block of Terraform at the start of a line.
	isTerraform = lazyregexp.New(`(?m)^(?:resource|data)[ \t]+"[a-z0-9_]+"[ \t]+"[^"\r\n]+"[ \t]*\{`)
	// userDataName is the name of a file that is user data and nothing else.
	userDataName = lazyregexp.New(`(?i)user[-_.]?data`)
	header       = lazyregexp.New(`(?i)^(?:#!|#cloud-config|#cloud-boothook|#include|#upstart-job|## template:|content-type:|mime-version:|<powershell>|<script>|from |from:)`)
	assignment   = lazyregexp.New(`(?m)^[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*=`)
	cloudKeys    = lazyregexp.New(`(?m)^(?:write_files|runcmd|bootcmd):`)
	ecsTools     = lazyregexp.New(`(?im)^[ \t]*(?:Initialize-ECSAgent\b|Import-Module[ \t]+ECSTools|\[(?:System\.)?Environment\]::SetEnvironmentVariable)`)
	settings     = lazyregexp.New(`(?m)^[ \t]*\[{1,2}[ \t]*settings[ \t]*[.\]]`)
)

// templateExtensions are those of files that an engine fills in.
var templateExtensions = []string{".tpl", ".tftpl", ".tmpl", ".template", ".j2", ".jinja", ".jinja2", ".erb", ".mustache", ".tera"}

// documents gives what a file makes of the agent's configuration: one document for
// an ecs.config or a script, several for a template with several instances, and
// none for one without user data.
func documents(name string, content []byte) ([]Document, error) {
	options := userdata.Options{
		Template: slices.Contains(templateExtensions, strings.ToLower(filepath.Ext(name))),
		Whole:    userDataName.MatchString(filepath.Base(name)),
	}
	single := func(c userdata.Configuration) []Document {
		return []Document{{Name: name, Source: content, Configuration: c}}
	}
	extension := strings.ToLower(filepath.Ext(name))
	if extension == ".tf" || extension == ".hcl" || extension != ".tpl" && isTerraform.Match(content) {
		found, err := terraform.Read(name, content, openNearby(name))
		if err != nil {
			return nil, err
		}
		all := make([]Document, 0, len(found))
		for _, d := range found {
			all = append(all, Document(d))
		}
		return all, nil
	}
	text := strings.TrimLeft(string(content), "\ufeff \t\r\n")
	base := strings.ToLower(filepath.Base(name))
	switch {
	case bytes.HasPrefix(content, []byte{0x1f, 0x8b}), header.MatchString(text[:min(len(text), 200)]):
		return single(userdata.Read(content, options)), nil
	case isUserDataTemplate(text):
		found, err := userdata.ReadTemplate(content)
		if err != nil {
			return nil, err
		}
		return ofTemplate(name, content, found), nil
	case strings.HasSuffix(base, "ecs.config") || strings.HasSuffix(base, ".config") || strings.HasSuffix(base, ".conf"):
		return single(userdata.ReadConfig(content)), nil
	case settings.MatchString(text), ecsTools.MatchString(text), writesConfig.MatchString(text), cloudKeys.MatchString(text) && !isTemplate.MatchString(text):
		options.Part = !strings.HasSuffix(base, ".sh")
		if cloudKeys.MatchString(text) {
			return single(userdata.ReadParts(content, []userdata.Part{{ContentType: "text/cloud-config", Text: userdata.SourceText(content)}}, options)), nil
		}
		return single(userdata.Read(content, options)), nil
	case slices.Contains([]string{".sh", ".bash", ".ps1", ".psm1", ".toml", ".yaml", ".yml"}, extension) && !assignment.MatchString(text):
		return single(userdata.Read(content, options)), nil
	case slices.Contains([]string{".sh", ".bash", ".ps1", ".toml"}, extension):
		options.Part = true
		return single(userdata.Read(content, options)), nil
	}
	if packed := userdata.Read(content, options); packed.IsPacked() {
		return single(packed), nil
	}
	return single(userdata.ReadConfig(content)), nil
}

func isUserDataTemplate(text string) bool {
	if !userDataKey.MatchString(text) && !isTemplate.MatchString(text) {
		return false
	}
	return !assignment.MatchString(text[:min(len(text), 200)])
}

// ofTemplate keeps the user data that sets ECS up or holds a secret; where none
// does, all of it, so that something is said.
func ofTemplate(name string, content []byte, found []userdata.Document) []Document {
	var relevant, all []Document
	for _, d := range found {
		document := Document{name, d.Resource, content, d.Configuration}
		all = append(all, document)
		if d.IsECSSetup() || len(d.Secrets()) > 0 {
			relevant = append(relevant, document)
		}
	}
	if len(relevant) > 0 {
		return relevant
	}
	return all
}

// openNearby opens the files that a file of Terraform names, below its own
// directory or the working directory. Others are not read: who wrote the one
// need not be allowed to read the other.
func openNearby(beside string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		directory := filepath.Dir(beside)
		relative, err := filepath.Rel(directory, filepath.FromSlash(name))
		if err != nil || !filepath.IsLocal(relative) {
			directory, relative = ".", filepath.FromSlash(name)
		}
		root, err := os.OpenRoot(directory)
		if err != nil {
			return nil, err
		}
		defer func() { _ = root.Close() }()
		file, err := root.Open(relative)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		return io.ReadAll(io.LimitReader(file, maxSize))
	}
}

// IsEvent reports whether a text is an event that the function answers rather
// than a file that it judges.
func IsEvent(content []byte) bool {
	var object map[string]json.RawMessage
	if json.Unmarshal(content, &object) != nil {
		return false
	}
	for _, key := range []string{"bucket", "key", "objects", "Records", "detail", "detail-type", "records", "subjects"} {
		if _, ok := object[key]; ok {
			return true
		}
	}
	return false
}
