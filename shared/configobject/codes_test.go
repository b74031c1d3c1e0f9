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
		"### About ecs.config":        configFileCodes(),
		"### About environment files": environmentFileCodes(),
		"### About user data":         userdata.Codes(),
	})
}

func configFileCodes() (codes []finding.Code) {
	for _, code := range ecsconfig.Codes() {
		codes = append(codes, finding.Code(code))
	}
	return codes
}

func environmentFileCodes() (codes []finding.Code) {
	for _, code := range environmentfile.Codes() {
		codes = append(codes, finding.Code(code))
	}
	return codes
}
