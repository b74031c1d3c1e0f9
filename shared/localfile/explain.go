package localfile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/commandline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

// explainHelp lists the names of --explain.
var explainHelp = func() string {
	var text strings.Builder
	text.WriteString(`--explain shows the effective configuration, one "name: value  # line N" a line;
--format json gives {"name": {"value": …, "line": N}, …}, with "default": true where
the file doesn't set it, and "value": null and "unknown": "depends on …" where it
can't be known. Several configurations are a list. Other variables have their own
names; "form" is how the file is written, "sets_up_ecs" whether it sets up the agent
at all. The names:
`)
	for _, pair := range userdata.ExplainedNames() {
		fmt.Fprintf(&text, "  %-30s %s\n", pair[0], pair[1])
	}
	return text.String()
}()

// explainMode shows the effective configuration.
func explainMode(kind *string) commandline.Mode {
	return commandline.Mode{
		Name: "explain", Usage: "show the effective configuration in place of the findings", Formats: []string{"text", "json"},
		Run: func(_ context.Context, files []commandline.File, format string, stdout io.Writer) ([]diagnostic.Source, error) {
			var all []Document
			for _, file := range files {
				if isEnvironment(file, *kind) {
					return nil, fmt.Errorf("explain %s: it is an environment file of tasks, which doesn't configure the agent; add --kind config if it is an ecs.config", file.Name)
				}
				found, err := open(file, *kind)
				if err != nil {
					return nil, fmt.Errorf("explain %s: %w", file.Name, err)
				}
				if len(found) == 0 {
					return nil, fmt.Errorf("explain %s: no user data is in it", file.Name)
				}
				all = append(all, found...)
			}
			if format == "json" {
				return nil, explainJSON(stdout, all)
			}
			return nil, explainText(stdout, all)
		},
	}
}

func explainText(w io.Writer, documents []Document) error {
	var out bytes.Buffer
	for i, document := range documents {
		if len(documents) > 1 {
			if i > 0 {
				out.WriteByte('\n')
			}
			fmt.Fprintf(&out, "# %s\n", diagnostic.Printable(document.called()))
		}
		entries := document.Explain()
		if document.Form != userdata.ConfigFile && !document.IsECSSetup() {
			entries = append([]userdata.Entry{setup(document)}, entries...)
		}
		for _, entry := range entries {
			if entry.Value == nil && entry.Unknown == "" {
				continue // neither the file nor a default sets it
			}
			fmt.Fprintf(&out, "%s: %s  # %s\n", entry.Name, shownValue(entry), origin(entry))
		}
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// setup says whether an instance with this runs the agent at all.
func setup(document Document) userdata.Entry {
	entry := userdata.Entry{Name: "sets_up_ecs", Value: document.Form == userdata.ConfigFile || document.IsECSSetup()}
	if document.IsECSSetup() {
		entry.Line = document.Evidence[0].Line
		entry.Note = "The user data " + string(document.Evidence[0].Kind) + "."
	}
	return entry
}

func shownValue(entry userdata.Entry) string {
	if entry.Value == nil {
		return diagnostic.Printable(entry.Unknown)
	}
	switch value := entry.Value.(type) {
	case string:
		return diagnostic.Printable(value)
	case []userdata.Registry:
		var parts []string
		for _, r := range value {
			parts = append(parts, fmt.Sprintf("%s (user %s)", r.Registry, r.User))
		}
		if len(parts) == 0 {
			return "none"
		}
		return diagnostic.Printable(strings.Join(parts, ", "))
	}
	encoded, err := compact(entry.Value)
	if err != nil {
		return "?"
	}
	return diagnostic.Printable(encoded)
}

func compact(value any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}

func origin(entry userdata.Entry) string {
	var parts []string
	if entry.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", entry.Line))
	}
	if entry.Default {
		parts = append(parts, "default")
	}
	if entry.Condition > 0 {
		parts = append(parts, fmt.Sprintf("if the condition on line %d holds", entry.Condition))
	}
	if entry.Note != "" {
		parts = append(parts, entry.Note)
	}
	if len(parts) == 0 {
		return "nothing writes ecs.config or starts the agent"
	}
	return strings.Join(parts, ", ")
}

// explainJSON writes an object, or a list of them for several configurations.
func explainJSON(w io.Writer, documents []Document) error {
	objects := make([]json.RawMessage, 0, len(documents))
	for _, document := range documents {
		object, err := explainObject(document)
		if err != nil {
			return fmt.Errorf("write the configuration: %w", err)
		}
		objects = append(objects, object)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	var err error
	if len(objects) == 1 {
		err = encoder.Encode(objects[0])
	} else {
		err = encoder.Encode(objects)
	}
	if err == nil {
		_, err = w.Write(out.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// explainObject keeps the order of the names, which a map would lose.
func explainObject(document Document) (json.RawMessage, error) {
	var out bytes.Buffer
	out.WriteString("{")
	write := func(name string, value any) error {
		if out.Len() > 1 {
			out.WriteString(",")
		}
		key, err := compact(name)
		if err != nil {
			return err
		}
		encoded, err := compact(value)
		if err != nil {
			return err
		}
		out.WriteString(key + ":" + encoded)
		return nil
	}
	head := []userdata.Entry{{Name: "file", Value: document.Name}, {Name: "form", Value: string(document.Form)}, setup(document)}
	if document.Resource != "" {
		head = append(head, userdata.Entry{Name: "resource", Value: document.Resource})
	}
	for _, entry := range append(head, document.Explain()...) {
		if err := write(entry.Name, entry); err != nil {
			return nil, err
		}
	}
	out.WriteString("}")
	return out.Bytes(), nil
}
