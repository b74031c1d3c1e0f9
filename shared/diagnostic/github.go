package diagnostic

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// commands are GitHub's words for severities
// (docs.github.com, Workflow commands for GitHub Actions).
var commands = map[finding.Severity]string{finding.Error: "error", finding.Warning: "warning", finding.Info: "notice"}

// GitHub writes the findings as workflow commands, which annotate the lines of
// a pull request, and a count at the end.
func GitHub(w io.Writer, sources []Source) error {
	var out bytes.Buffer
	counts := map[finding.Severity]int{}
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, source := range sources {
		for _, f := range source.Findings {
			counts[f.Severity]++
			fmt.Fprintf(&out, "::%s file=%s", commands[f.Severity], property.Replace(filepath.ToSlash(source.Name)))
			if f.Line > 0 {
				fmt.Fprintf(&out, ",line=%d,col=%d", f.Line, max(f.Column, 1))
			}
			fmt.Fprintf(&out, ",title=%s::%s\n", property.Replace(f.Code), data.Replace(sentence(f)))
		}
	}
	fmt.Fprintln(&out, summary(len(sources), counts))
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	return nil
}

func summary(files int, counts map[finding.Severity]int) string {
	return fmt.Sprintf("%s: %s, %s, %d info", plural(files, "file"), plural(counts[finding.Error], "error"), plural(counts[finding.Warning], "warning"), counts[finding.Info])
}
