package sweep_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweep"
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
