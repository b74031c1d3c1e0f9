package diagnostic

import (
	"bytes"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// The parts of SARIF 2.1.0 that are used here
// (docs.oasis-open.org/sarif/sarif/v2.1.0). A library would bring a JSON schema
// validator into the function for these few fields.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"semanticVersion"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		Help             sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		PhysicalLocation struct {
			ArtifactLocation struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region *sarifRegion `json:"region,omitempty"`
		} `json:"physicalLocation"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

var levels = map[finding.Severity]string{finding.Error: "error", finding.Warning: "warning", finding.Info: "note"}

// SARIF writes the findings for a code scanner. Only the rules that the
// findings name are described. Columns count Unicode code points there.
func SARIF(w io.Writer, tool string, rules []finding.Code, sources []Source) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: tool, Version: version.Number, Rules: []sarifRule{}}
	index := map[string]int{}
	for _, source := range sources {
		lines := bytes.Split(source.Content, []byte("\n"))
		for _, f := range source.Findings {
			if _, ok := index[f.Code]; !ok {
				index[f.Code] = len(run.Tool.Driver.Rules)
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, described(f.Code, rules))
			}
			result := sarifResult{
				RuleID: f.Code, RuleIndex: index[f.Code], Level: levels[f.Severity],
				Message: sarifText{sentence(f)}, Locations: make([]sarifLocation, 1),
			}
			place := &result.Locations[0].PhysicalLocation
			place.ArtifactLocation.URI = uri(source.Name)
			if f.Line > 0 && f.Line <= len(lines) {
				before := lines[f.Line-1]
				before = before[:min(max(f.Column-1, 0), len(before))]
				place.Region = &sarifRegion{StartLine: f.Line, StartColumn: utf8.RuneCount(before) + 1}
			}
			run.Results = append(run.Results, result)
		}
	}
	return encode(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func described(code string, rules []finding.Code) sarifRule {
	for _, rule := range rules {
		if rule.Code == code {
			return sarifRule{ID: code, ShortDescription: sarifText{rule.Cause}, Help: sarifText{rule.Cure}}
		}
	}
	return sarifRule{ID: code, ShortDescription: sarifText{code}, Help: sarifText{code}}
}

func sentence(f finding.Finding) string {
	if f.Fix == "" {
		return f.Message
	}
	return f.Message + "\nFix: " + f.Fix
}

// uri writes a path as a URI reference: relative ones stay relative, so that a
// scanner finds them in its checkout.
func uri(name string) string {
	path := filepath.ToSlash(name)
	if strings.HasPrefix(path, "/") {
		return (&url.URL{Scheme: "file", Path: path}).String()
	}
	return (&url.URL{Path: path}).String()
}
