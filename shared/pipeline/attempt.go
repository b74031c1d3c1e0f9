package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// Attempt does a function's work on one subject and gives its entry. An error
// becomes the result that the errors contract asks for: it keeps the findings
// and actions that work returned beside it. So does a panic, and one subject's
// never ends another's work.
func Attempt(function, subject string, work func() (finding.Result, error)) Entry {
	var entry Entry
	var result finding.Result
	err := Guard(func() (err error) {
		result, err = work()
		return err
	})
	if err == nil {
		entry.Result = result
	} else {
		entry.Result, entry.err = failed(function, subject, result.Findings, err)
		entry.Result.Actions = result.Actions
	}
	entry.Result.Subject = subject
	entry.Result = entry.Result.Capped(maxFindings)
	if entry.Result.Actions == nil {
		entry.Result.Actions = []finding.Action{}
	}
	entry.Result.ID = finding.Identify(function, entry.Result)
	return entry
}

// Guard does some work, and turns a panic into an error.
func Guard(work func() error) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			// The value may hold anything that was being worked on, so only its type
			// is shown; the stack has no values of strings.
			err = fmt.Errorf("internal fault of type %T at %s", recovered, origin(debug.Stack()))
		}
	}()
	return work()
}

// failed turns an error into the result that the errors contract asks for,
// besides what was found before.
func failed(function, subject string, before []finding.Finding, err error) (finding.Result, error) {
	with := func(status finding.Status, added finding.Finding) finding.Result {
		return finding.Result{Status: status, Findings: append(slices.Clone(before), added)}
	}
	if refusal, ok := errors.AsType[*finding.Refusal](err); ok {
		return with(finding.Noncompliant, refusal.Finding), nil
	}
	switch awserror.Classify(err) {
	case awserror.Gone:
		return finding.Result{Status: finding.Skipped, Findings: []finding.Finding{
			subjectGone.With(finding.Name("subject", subject), finding.Clause("reason", reason(err))),
		}}, nil
	case awserror.Denied:
		return with(finding.Noncompliant, accessDenied.With(
			finding.Words("function", function), finding.Clause("reason", reason(err)), finding.Words("operation", operation(err)))), nil
	case awserror.Refused:
		return with(finding.Noncompliant, callRefused.With(finding.Clause("reason", reason(err)))), nil
	default:
		return with(finding.Failed, callRetried.With(finding.Clause("reason", reason(err)))), fmt.Errorf("%s: %s", subject, reason(err))
	}
}

// reason gives an error's text. What Secrets Manager answers is shown by its code
// alone, since its messages may repeat the value that was sent.
func reason(err error) string {
	apiError, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok:
		return err.Error()
	case strings.HasPrefix(operation(err), "secretsmanager:"):
		return fmt.Sprintf("%s answered %s", operation(err), apiError.ErrorCode())
	default:
		return fmt.Sprintf("%s answered %s: %s", operation(err), apiError.ErrorCode(), secretshape.Mask(apiError.ErrorMessage()))
	}
}

func operation(err error) string {
	if operation := awserror.Operation(err); operation != "" {
		return operation
	}
	return "an AWS call"
}

// module is what the names of this module's packages begin with.
var module = strings.TrimSuffix(reflect.TypeFor[Entry]().PkgPath(), "shared/pipeline")

// origin gives the first line of a stack below the panic that lies in this module.
func origin(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	panicked := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "panic(") })
	for _, line := range lines[max(panicked, 0):] {
		if name, _, found := strings.Cut(line, "("); found && strings.HasPrefix(name, module) {
			return name
		}
	}
	return "an unknown place"
}
