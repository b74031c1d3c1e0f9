package configobject_test

import (
	"flag"
	"slices"
	"testing"

	"ecsguardrails/shared/configbucket"
	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/ecsconfig"
	"ecsguardrails/shared/environmentfile"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/finding/findingtest"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/userdata"
)

var update = flag.Bool("update", false, "write the tables of findings into the README")

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/validate-config/README.md", *update, map[string][]finding.Code{
		"### About the object":        slices.Concat(configobject.Codes, pipeline.Codes),
		"### About the bucket":        configbucket.Codes,
		"### About ecs.config":        ecsconfig.Codes(),
		"### About environment files": environmentfile.Codes(),
		"### About user data":         userdata.Codes(),
	})
}
