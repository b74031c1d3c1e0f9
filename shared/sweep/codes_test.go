package sweep_test

import (
	"flag"
	"slices"
	"testing"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/finding/findingtest"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/sweep"
)

var update = flag.Bool("update", false, "write the table of findings into the README")

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/sweep/README.md", *update, map[string][]finding.Code{
		"## Findings": slices.Concat(sweep.Codes, pipeline.Codes),
	})
}

func TestEveryCodeIsDocumented(t *testing.T) {
	findingtest.Sources(t, map[string]int{"add": 0}, sweep.Codes, pipeline.Codes)
}
