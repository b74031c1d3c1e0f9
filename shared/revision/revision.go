// Package revision reads the names of task definitions' revisions.
package revision

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// Name names a revision of a task definition.
type Name struct {
	Family string
	// Number is 0 for the latest active one.
	Number int32
	// Region and Account are "" where the name does not give them.
	Region, Account string
}

// form is what DescribeTaskDefinition takes: an ARN, "family:revision" or
// "family". Families are up to 255 letters, digits, hyphens and underscores.
var form = lazyregexp.New(`^(?:arn:aws[a-z-]*:ecs:([a-z0-9-]+):(\d{12}):task-definition/)?([A-Za-z0-9_-]{1,255})(?::([1-9]\d{0,8}))?$`)

// Parse reads an ARN, "family:revision" or "family". An error doesn't repeat what
// is none of these.
func Parse(text string) (Name, error) {
	match := form.FindStringSubmatch(text)
	if match == nil {
		return Name{}, errors.New("it names no task definition; write its ARN, \"family:revision\" or \"family\"")
	}
	name := Name{Region: match[1], Account: match[2], Family: match[3]}
	if match[4] != "" {
		number, err := strconv.ParseInt(match[4], 10, 32)
		if err != nil {
			return Name{}, fmt.Errorf("%q has no revision that a task definition can have: %w", finding.Shortened(text), err)
		}
		name.Number = int32(number)
	}
	return name, nil
}

// String gives "family:revision", or "family" for the latest.
func (n Name) String() string {
	if n.Number == 0 {
		return n.Family
	}
	return fmt.Sprintf("%s:%d", n.Family, n.Number)
}
