package taskdef

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// nameForm is what families and containers may be called.
var nameForm = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// names judges what the family and the containers are called.
func (j *judgement) names() {
	family := aws.ToString(j.Definition.Family)
	switch {
	case j.leftOpen(family) || nameForm.MatchString(family):
	case family != "" || j.Unregistered == nil:
		j.report(familyInvalid.With())
	case j.Unregistered.NeedsFamily && !j.leftOut("family"):
		j.report(familyMissing.With())
	}
	seen := map[string]bool{}
	for i, container := range j.Definition.ContainerDefinitions {
		name := aws.ToString(container.Name)
		switch {
		case j.leftOpen(name):
		case name == "":
			j.report(nameMissing.With(finding.Words("number", strconv.Itoa(i+1))))
			continue
		case !nameForm.MatchString(name):
			j.report(nameInvalid.With(finding.Words("number", strconv.Itoa(i+1))))
		case seen[name]:
			j.report(j.in(i, nameTwice))
		}
		seen[name] = true
	}
}
