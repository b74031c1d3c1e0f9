package taskdef

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// nameForm is what families and containers may be called.
var nameForm = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// names judges what the family and the containers are called.
func (j *judgement) names() {
	const fix = "Use 1 to 255 letters, digits, hyphens and underscores."
	family := aws.ToString(j.Definition.Family)
	switch {
	case j.leftOpen(family) || nameForm.MatchString(family):
	case family != "" || j.Unregistered == nil:
		j.report("name-invalid", finding.Error, "ECS refuses the name of the family.", fix)
	case j.Unregistered.NeedsFamily && !j.leftOut("family"):
		j.report("name-invalid", finding.Error, "The task definition has no family, and ECS refuses one without.", "Name the family in the field \"family\".")
	}
	seen := map[string]bool{}
	for i, container := range j.Definition.ContainerDefinitions {
		name := aws.ToString(container.Name)
		switch {
		case j.leftOpen(name):
		case name == "":
			j.report("name-invalid", finding.Error, fmt.Sprintf("The container number %d has no name, which ECS requires.", i+1), fix)
			continue
		case !nameForm.MatchString(name):
			j.report("name-invalid", finding.Error, fmt.Sprintf("The container number %d has a name that ECS refuses.", i+1), fix)
		case seen[name]:
			j.report("name-used-twice", finding.Error, fmt.Sprintf("The %s has the same name as another container, which ECS refuses.", j.containerName(i)), "Give each container its own name.")
		}
		seen[name] = true
	}
}
