package taskdef

import (
	"fmt"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// Values are shown only if they parse as what they should be: any of them may be a
// secret in the wrong field.

// shownSecret gives a secret's name or ARN for a message.
func shownSecret(name string) string {
	_, err := ParseCredential(name)
	if err != nil || secretshape.Find(name) != "" || !strings.HasPrefix(name, "arn:") && secretshape.IsMisplaced(name) {
		return "(not shown: it names no secret)"
	}
	return finding.Shortened(name)
}

// shownName gives a variable's or an option's name for a message.
func shownName(name string) string {
	if !variableForm.MatchString(name) || secretshape.IsMisplaced(name) {
		return "(a name that isn't shown)"
	}
	return finding.Shortened(name)
}

// variableForm is what names of variables and of log options look like.
var variableForm = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// roleForm is a role's ARN, or its name.
var roleForm = lazyregexp.New(`^(?:arn:aws[a-z-]*:iam::\d{12}:role/(?:[!-~]{1,510}/)?)?[A-Za-z0-9_+=,.@-]{1,64}$`)

// shownRole gives a role for a message.
func shownRole(role string) string {
	if !roleForm.MatchString(role) || secretshape.IsMisplaced(last(role)) {
		return "(not shown: it names no role)"
	}
	return finding.Shortened(role)
}

// shownObject gives an object's ARN for a message.
func shownObject(value string) string {
	if !objectARN.MatchString(value) || strings.ContainsAny(value, "?&=@") || secretshape.Find(value) != "" {
		return "(not shown: it is no object's ARN)"
	}
	return fmt.Sprintf("%q", finding.Shortened(value))
}
